# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What is each part of the recipe worth?
#
# *For readers who want to change the recipe · needs {doc}`hypernetwork` · about 7 minutes*
#
# :::{admonition} In one minute
# :class: minute
# - We changed one part of our recipe at a time, in short trainings with two seeds each. Most make no difference in hypervolume that two seeds resolve ({numref}`fig-ablation`).
# - With all changes tested, one is resolved: the Muon optimiser gains 5<!--=ablation.muon-->, on a scale on which the unchanged recipe has 49<!--=ablation.base-->. Without the change *twice the spread*, which we left out after we had seen it, two more are: training the largest and the smallest network in each step helps, random shifts of the images cost.
# - For the same time, neither those two networks nor another gradient estimator brings more hypervolume.
# :::

# %% tags=["hide-input"] mystnb={"image": {"alt": "Rows of two dots, one row for each change of the recipe, showing the hypervolume of each training; a band marks the trainings with nothing changed. The sandwich is the first row; without Muon and with random shifts the dots lie last, left of the band. Most rows overlap the band or lie a little to its right."}, "figure": {"caption": "Hypervolume of each short training, by what was changed, best mean first, on validation images. Band: the two trainings with nothing changed. Bold: differences that two seeds resolve if twice the spread is left out.", "name": "fig-ablation"}}
import matplotlib.pyplot as plt
from IPython.display import HTML

from simplexnas.report import figures
from simplexnas.report.pages import ablation, as_html

figures.as_in_the_book()
runs = ablation.measured()
ablation.dots(runs)
plt.show()

# %% [markdown]
# ## The recipe
#
# It is that of the presets `default` and `quick` ({numref}`tab-recipe`), which differ in epochs alone. The newer preset `worth` ({doc}`training`) has another, which was not taken apart.
#
# :::::{dropdown} The recipe, part by part
# ::::{div} full-width
# :::{table} What the preset `default` is made of, what the slides or the author's code {cite}`firsovcode` have, and why.
# :name: tab-recipe
#
# | ours | published | why |
# |---|---|---|
# | sums at nodes, classifier's input not normalised | the same | a mean and a normalisation would be deviations; both are tried below |
# | one classifier for all S, starts at zero | generated from S | first cross-entropy is ln 10 |
# | utility minus price | tables of logits, weighted by the distance from S to pivots | S steers by construction |
# | price of parameters, 0.4 | none | of two operations with the same penalty the smaller: small members |
# | spread of the utilities, 0.15 | none | edges switch one after another, not all at once |
# | gain 40 | none | training draws other operations only where two are nearly level |
# | S uniform, a quarter from Dirichlet(1/2) | uniform | the sides of the triangle are trained too |
# | one operation on each edge, two paths in each step | a mixture of all for each image | only what is drawn has to run, and networks of the kind that is used are trained |
# | score function, the other path as baseline | through the mixture | no bias for those networks' loss, without running the other operations |
# | exact gradient of $\mathsf{Lat}$ | the same | without noise, and costs nothing |
# | $\kappa$ = 0.02 | 50 in the code | one edge must not outweigh the data ({ref}`price-decides`) |
# | $\kappa$ and gain rise from 0 over 20 % of the steps | constant | every operation is trained before any is dropped |
# | gradients of weights and hypernetwork limited together, to norm 5 | the weights' alone | estimates by the score function have outliers |
# | hypernetwork frozen after 60 % of the steps | never frozen | the weights adapt to the distribution that stays |
# | Muon for 1×1 convolutions, AdamW for the rest | SGD with momentum, Adam for the hypernetwork | accurate after few epochs |
# | one-cycle learning rates: peaks 0.02 (Muon), 0.003 (AdamW), 0.01 (hypernetwork); weight decay 0.0001 | 0.025 falling to 0.001 (SGD), 0.001 (Adam); 0.0003 | accurate after few epochs |
# | 24<!--=intro.epochs.ours--> epochs, batches of 64 | 10 epochs or about as many steps, batches of 64 | as many as an hour allows |
# | 55,000 training images, horizontal flips | half of the 60,000; vertical flips and random affine maps | shirts stay upright |
# | statistics re-estimated on 5,000 training images | not said | those of training mix many architectures ({ref}`which-network`) |
# :::
# ::::
# :::::
#
# Words of the recipe, and of what we tried in its place:
#
# - *Score function* {cite}`williams1992`: a gradient estimated from the losses of what was drawn.
# - *Muon* {cite}`jordan2024muon`: an optimiser that makes every step of a weight matrix orthogonal.
# - *Sandwich* {cite}`yu2019universally`: each step also trains the largest and the smallest network, and the largest teaches the others.
# - *Straight-through* {cite}`jang2017`: one operation is drawn, but the gradient is that of a mixture; *ReinMax* {cite}`liu2023reinmax` corrects that gradient to second order.
#
# **Without a line below** are the baseline of the score function, the common limit of gradients, the number of images, the author's other augmentation and his generated classifier, and the exact gradient of $\mathsf{Lat}$. **Not tried:** scale and shift of the normalisations made from S, and a hypernetwork that moves only every few steps.
#
# ## How we measured
#
# We trained two epochs instead of 24<!--=intro.epochs.ours-->, with seeds 0 and 1, and measured each family on 15 points S. **What helps after two epochs need not help in a whole training.**
#
# - **Hypervolume**, here × 100, is the share of a square of (logarithm of) size and error in which some member is both smaller and more accurate ({ref}`how it is measured <hypervolume>`).
# - **Steering** is here a number: the weakest rank correlation between a penalty and the edges with its operation. Nearer to 0 is weaker.
# - **P-value**, by Dunnett's test, which allows for comparing many lines with one: how often chance alone would make some line differ that much. Two trainings say little about their own spread, so one standard deviation serves all lines.
#
# Members are chosen and measured on the 5,000 validation images, in every table here: by such numbers a recipe is chosen, and test images should have no part in that. Chosen where they are measured, members look a little better than they are. The binomial standard error of 85 % is 0.5 percentage points there.
#
# (one-change)=
# ## One change at a time

# %% tags=["hide-cell", "full-width"] mystnb={"code_prompt_show": "All changes, by size and steering", "code_prompt_hide": "Hide the table", "figure": {"caption": "Two epochs with one change each, on validation images: hypervolume × 100, P-value of its difference from nothing changed, accuracy in percent of the best member within each of the paper's sizes, in edge parameters, and steering. ±: standard deviation of two trainings. –: some training has no member that small.", "name": "tab-ablation"}}
HTML(as_html(ablation.changes_table(runs)))

# %% [markdown]
# **Three differences are resolved** if *twice the spread* is left out (P-value < 0.05), on validation and on test images. On validation the smallest of them is 4<!--=ablation.resolved.least-->, the largest that is not resolved 3<!--=ablation.others.most--> ({numref}`tab-ablation`).
#
# - **Muon** gains 5<!--=ablation.muon--> over AdamW alone, at the one learning rate tried. (The two trainings without it took four times as long; other work ran at times.)
#
# - **Random shifts** of up to 2 pixels cost 4<!--=ablation.shifts-->, after two epochs.
#
# - **The sandwich** helps large members, only above 12,320 edge parameters: within C's size 89.3<!--=ablation.sandwich.within--> % instead of 85.2<!--=ablation.within-->.
#
# **One line has no P-value.** With *twice the spread* neither training has a member within 5,120 edge parameters, so that its hypervolume says mostly that. Its standard deviation is 5.1<!--=ablation.wide.sd-->, the others' are at most 1.7<!--=ablation.others.sd-->. We left it out after we had seen it. With it, only Muon is resolved.
#
# **What is not resolved may still matter.** All lines are compared with the same two trainings, which may have drawn low: on validation images 14<!--=ablation.above.validation--> of the 20<!--=ablation.tested--> lines lie above them, on test images 9<!--=ablation.above.test-->.
# All share their two seeds, which the test does not use. And the *moving average* is no training of its own: it has the choices of the unchanged one, and hardly other weights.
#
# What sizes and steering show:
#
# - **Steering needs utilities that differ from edge to edge,** learned or random. Where they stay 0, edges switch nearly all at once: steering is −0.59<!--=ablation.still-->, and the points give 5<!--=ablation.still.networks--> networks. With a third of the spread, or a tenth of the hypernetwork's learning rate, it is −0.84<!--=ablation.narrow-->.
#
# - **The price of parameters moves accuracy from large members to small ones.** Without it there are 4.5<!--=ablation.price.small--> percentage points less within B's size, and 3.6<!--=ablation.price.large--> more within C's.
#
# - **Random utilities that are never learned do no worse here** (whole trainings are in {ref}`own-weights`). Neither do utilities learned from the data nearly alone, $\kappa$ a hundredth with the same gain.
#
# (ablation-time)=
# ## For the same time
#
# What makes a step slower has to be compared with a longer training of the unchanged recipe ({numref}`fig-ablation-time`).

# %% tags=["hide-input"] mystnb={"image": {"alt": "Hypervolume against seconds of training. A black line of the unchanged recipe rises from 40 at 90 seconds over 49 at 240 to 54 at 295. All other trainings lie to its right: three gradient estimators at 350 seconds between 44 and 48, the sandwich at 555 seconds between 53 and 54."}, "figure": {"caption": "Hypervolume × 100 on validation images against the time of training on two CPU cores. Line: means of the unchanged recipe, by its epochs. Other work ran at times.", "name": "fig-ablation-time"}}
found = ablation.measured(ablation.TIMED)
ablation.over_time(found)
plt.show()

# %% tags=["hide-cell", "full-width"] mystnb={"code_prompt_show": "The same in numbers", "code_prompt_hide": "Hide the table", "figure": {"caption": "The same in numbers, seconds of both seeds; other columns as above. P-value: of the difference from one epoch with nothing changed, by a test of its own.", "name": "tab-ablation-time"}}
HTML(as_html(ablation.time_table(found)))

# %% [markdown]
# **The sandwich** runs twice as many images in a step, half of them through the largest network. In half its time, with three epochs, the unchanged recipe is as good: 54.4<!--=ablation.three--> against 53.5<!--=ablation.sandwich.two-->. Within C's size the sandwich stays ahead, by 2<!--=ablation.sandwich.ahead--> percentage points.
#
# **Other gradient estimators** run every operation. After one epoch all three are ahead (P-value < 0.05, {numref}`tab-ablation-time`): straight-through and the published relaxed samples by 7<!--=ablation.relaxed-->, ReinMax by 5<!--=ablation.reinmax-->.
# But their epoch takes nearly four times as long, and in less time ours is ahead of them, with three epochs.
#
# Whether sandwich or estimators would pay in a whole training, we did not try.
#
# (ablation-forms)=
# ## Other hypernetworks
#
# The published pivots and a multilayer perceptron have no factor like our gain, and need a larger $\kappa$, 0.1. So two things change, and their trainings differ too much among themselves for the test above ({numref}`tab-forms`).

# %% tags=["hide-input", "full-width"] mystnb={"figure": {"caption": "Other hypernetworks: each training of two epochs, on 15 points S. Steering, different networks and their edge parameters; on validation images hypervolume × 100, and accuracy in percent of the best member within A's size; and edges, of 28, in which two members differ, mean over pairs.", "name": "tab-forms"}}
HTML(as_html(ablation.forms_table(ablation.forms())))

# %% [markdown]
# **Their members may be trained better.** Within A's size their best have 87.9<!--=ablation.forms.within.least--> to 90.1<!--=ablation.forms.within.most--> %, ours 84.7<!--=ablation.ours.within.least--> to 84.9<!--=ablation.ours.within.most-->. In hypervolume three of their four trainings are ahead of ours, and one is far behind.
#
# **But they cover less.** Three of the four have no network within D's size, and S steers less. Their members are alike: two differ in 5<!--=ablation.forms.apart.least--> to 9<!--=ablation.forms.apart.most--> edges, in ours in 16<!--=ablation.ours.apart.least--> to 17<!--=ablation.ours.apart.most-->.
#
# So the breadth of our families may cost accuracy, at least in short trainings. The price of parameters is in the loss of these hypernetworks, but not in their form.
# (The published method as a whole is far behind ours within A's size, {numref}`tab-own-weights`; it has another $\kappa$ and another training.)
#
# ## What can go wrong
#
# - **Comparing by epochs alone.** A change that helps may cost more time than it is worth.
# - **Two short trainings of each change.** The best of many may have won by chance, and what most of these parts are worth in a whole training, nobody measured.
#
# ## Where it lives
#
# - Code: `simplexnas.methods.settings` (the recipe), `simplexnas.report.statistics` (Dunnett's test), `simplexnas.report.tables` (`ablation`), `simplexnas.report.pages.ablation` (this page's tables and figures).
# - Tests: `tests/test_pages_ablation.py`, `tests/test_tables.py`, `tests/test_figures.py`.
# - Data: `lattice.json` of the families under `ablated`, `estimators`, `forms` and `quick` in `data/published.json`, under `data/results`.
