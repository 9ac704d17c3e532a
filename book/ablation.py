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
# *For readers who want to change the recipe · needs {doc}`hypernetwork` and {doc}`training` · about 5 minutes*
#
# :::{admonition} In one minute
# :class: minute
# - We changed one part of our recipe at a time, in trainings of two epochs, with three seeds each. TODO results: of 0<!--=ablation.changes--> changes they resolve 0<!--=ablation.resolved--> in hypervolume ({numref}`fig-ablation`).
# - TODO results. On a scale on which the unchanged recipe has 00<!--=ablation.base-->, the largest difference is that of the Muon optimiser: without it, 0.0<!--=ablation.muon-->.
# - A difference below 0.0<!--=ablation.half--> these trainings cannot tell from chance. What most parts are worth in a whole training, nobody measured.
# :::

# %% tags=["hide-input"] mystnb={"image": {"alt": "One row for each change of the recipe: a dot at its difference in hypervolume from nothing changed, a line for its interval, and an upright line at 0. TODO results."}, "figure": {"caption": "What each change of the recipe adds to the hypervolume × 100, on validation images: means over three seeds, and 95 % intervals for all changes at once. Filled and bold: intervals without 0.", "name": "fig-ablation"}}
import matplotlib.pyplot as plt
from IPython.display import HTML

from simplexnas.report import figures, tables
from simplexnas.report.pages import ablation, as_html

figures.as_in_the_book()
runs = ablation.measured()
ablation.intervals(runs)
plt.show()

# %% [markdown]
# ## The recipe
#
# It is that of the preset `default` ({numref}`tab-recipe`). The preset `quick`, whose trainings this page shows, has fewer epochs and a longer warm-up, as 15 % of so few steps would teach too little.
#
# :::::{dropdown} The recipe, part by part
# ::::{div} full-width
# :::{table} What the preset `default` is made of, what the slides or the author's code {cite}`firsovcode` have, and why ours is as it is.
# :name: tab-recipe
#
# | part | ours | paper | why |
# |---|---|---|---|
# | nodes | sums; classifier's input not normalised | the same | a mean and a normalisation would be deviations |
# | classifier | one for all S, starts at zero | generated from S | first cross-entropy is ln 10 |
# | form of α(S) | worth minus price | tables of logits, weighted by the distance from S to pivots | S steers by construction |
# | what it learns from | a regression of losses on random paths, once | the gradient through the mixture, all the time | the losses are there anyway; later estimates would confirm themselves |
# | warm-up | random paths for 15 % of the steps | none | the regression needs paths with all operations |
# | κ | follows from the worths: their spread is 0.3 units of S | 50 in the code | members go from the smallest to the largest networks, however long the training; with a κ set by hand some families had no small ones, others no large ones |
# | price of parameters | 1 for the largest convolution | none | of two operations with the same penalty the smaller: small members |
# | Lat | in the choice alone, as a price | in the loss, as an exact gradient | the largest worth minus price on every edge minimises loss + κ Lat, if effects add up |
# | S of a step | 80 % on the predicted front; of the rest a quarter from Dirichlet(1/2) | uniform | members that nobody would take need no training; the sides of the triangle do |
# | operations of a step | one on each edge, a path for each batch | a mixture of all, for each image | only what is drawn has to run, and networks of the kind that is used are trained |
# | certainty of a draw | gain 400 | temperature falls from 1 to 0.2 | training sees hardly more than the members |
# | limit of gradients | norm 5 | the same | – |
# | optimiser | Muon for 1×1 convolutions, AdamW for the rest | SGD with momentum, Adam for the hypernetwork | accurate after few epochs |
# | learning rates | one-cycle, peaks 0.02 (Muon) and 0.003 (AdamW); weight decay 0.0001 | 0.025 falling to 0.001 (SGD), 0.001 (Adam); 0.0003 | accurate after few epochs |
# | length | 12<!--=intro.epochs.ours--> epochs, batches of 32 | 10 epochs or about as many steps, batches of 64 | as many as an hour allows |
# | images | 55,000, horizontal flips | half of the 60,000; vertical flips and random affine maps | shirts stay upright |
# | statistics of batch normalisation | re-estimated on 5,000 training images | not said | those of training mix many architectures ({ref}`which-network`) |
# :::
# ::::
# :::::
#
# Words of the changes:
#
# - *Muon* {cite}`jordan2024muon`: an optimiser that makes every step of a weight matrix orthogonal.
# - *Worth* and *spread*: an operation's worth is by how much it lowers the loss; the spread is the root mean square of all worths, in units of S ({doc}`hypernetwork`). With half the spread S decides more, with twice the spread the data do.
# - *Gain*: with a tenth of it, training also draws operations that are nearly as good as the member's.
# - *Front*: the networks that no other beats in both size and the sum of worths ({doc}`training`).
#
# **Without a line here:** the price of parameters and random worths have trainings on another page ({ref}`own-weights`). Learning rates, the number of images, the author's augmentation and his generated classifier were not varied.
#
# ## How we measured
#
# We trained two epochs instead of 12<!--=intro.epochs.ours-->, with seeds 0, 1 and 2, and compared the families on 21 points S. **What helps after two epochs need not help in a whole training.**
#
# - **Hypervolume**, here × 100, is the share of a square of (logarithm of) size and error in which some member is both smaller and more accurate ({ref}`how it is measured <hypervolume>`).
# - **Steering** is here a number: the weakest rank correlation between a penalty and the edges with its operation. Nearer to 0 is weaker.
# - **Pairs.** Trainings with the same seed begin with the same weights and see the same images in the same order. So we take each result as a part of the change, a part of the seed, and noise.
# - **Intervals.** Three trainings say little about their own noise, so one standard deviation serves all changes. The intervals hold all true differences at once in at least 95 % of such experiments (Bonferroni's bound), if noise is normal and of one size. {numref}`fig-ablation` shows them.
#
# Members are chosen and measured on the 5,000 validation images, in every figure and table here: by such numbers a recipe is chosen, and test images should have no part in that. Chosen where they are measured, members look a little better than they are. The binomial standard error of 85 % is 0.5 percentage points there.
#
# (one-change)=
# ## One change at a time

# %% tags=["hide-cell", "full-width"] mystnb={"code_prompt_show": "All changes, by size and steering", "code_prompt_hide": "Hide the table", "figure": {"caption": "Two epochs with one change each, on validation images: difference in hypervolume × 100 from nothing changed and its interval; accuracy in percent of the best member within each of the paper's sizes, in edge parameters; steering; seconds of training on two CPU cores. ±: standard deviation of three trainings. –: some training has no member that small.", "name": "tab-ablation"}}
HTML(as_html(tables.ablation_table(runs)))

# %% [markdown]
# TODO results. **The trainings resolve 0<!--=ablation.resolved--> of 0<!--=ablation.changes--> differences** ({numref}`tab-ablation`). A difference is known to ± 0.0<!--=ablation.half-->.
#
# - **AdamW for every weight, no Muon:** 0.0<!--=ablation.muon-->, at the one learning rate tried.
#
# - **Half of the warm-up:** 0.0<!--=ablation.warmup-->. Fewer losses teach the worths, and more steps train the members.
#
# - **Half and twice the spread:** 0.0<!--=ablation.narrow--> and 0.0<!--=ablation.wide-->. Worths count less or more beside S: the weakest correlation is 0.0<!--=ablation.narrow.steering--> and 0.0<!--=ablation.wide.steering-->.
#
# - **A tenth of the gain:** 0.0<!--=ablation.soft-->. Choices are softer, and more networks than the members are trained.
#
# - **S drawn without regard to the front:** 0.0<!--=ablation.front-->.
#
# - **No horizontal flips:** 0.0<!--=ablation.flips-->. **Batches of 64, half of the steps:** 0.0<!--=ablation.batches-->.
#
# **All are compared after equal epochs.** A change that saves time could train for longer. We did not time these trainings: the machine had other work beside them.
#
# **What is not resolved may still matter.** All changes are compared with the same three trainings. If these drew high or low, all differences move together.
#
# ## What can go wrong
#
# - **Comparing by epochs alone.** A change that helps may cost more time than it is worth.
# - **Short trainings.** The best of many changes may have won by chance, and what most of these parts are worth in a whole training, nobody measured.
# - **One noise for all.** A change that makes trainings more unlike each other has too narrow an interval, and the others too wide ones.
#
# ## Where it lives
#
# - Code: `simplexnas.methods.settings` (the recipe), `simplexnas.report.statistics` (`paired_with`), `simplexnas.report.tables` (`ablation`), `simplexnas.report.pages.ablation` (this page's figure and numbers).
# - Tests: `tests/test_pages_ablation.py`, `tests/test_tables.py`, `tests/test_figures.py`, `tests/test_analysis.py`.
# - Data: `lattice.json` of the families under `ablated` in `data/published.json`, with seeds 0, 1 and 2, under `data/results`.
