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
# # What does an S give?
#
# *For everybody · needs {doc}`problem` for what S means · about 6 minutes*
#
# :::{admonition} In one minute
# :class: minute
# - Within the paper's sizes our best members have 88.6<!--=experiments.best.least--> to 92.1<!--=experiments.best.most--> %, where its models have 79.2<!--=experiments.paper.least--> to 85.0<!--=experiments.paper.most--> % (A to C are on the slides, D in a later text). At the same S sizes differ ({numref}`fig-same-S`).
# - The published method, trained by us three times and with nothing tuned, is more accurate than its models as well at each of these S, with larger networks. So the paper's accuracies are no limit of its method.
# - Any other S has its network too, with weights that it inherits: one command answers in seconds.
# :::

# %% tags=["hide-input"] mystnb={"image": {"alt": "Four panels, one each for A, B, C and D, of test accuracy against parameters on a logarithmic axis. The paper's models A, B, C and D lie between 79 and 85 percent. A dotted line leads from each to the published method as we trained it, between 86 and 92 percent and further right but for C, and on to ours, between 88 and 92 percent and further left."}, "figure": {"caption": "The same S, three times: the models A to C of the slides and D of the author's later text, the published method trained by us (three trainings), and ours (five). A panel for each S.", "name": "fig-same-S"}}
import matplotlib.pyplot as plt
from IPython.display import HTML

from simplexnas import Family, load, notebooks
from simplexnas.io.allocator import keep_memory
from simplexnas.measure import evaluation
from simplexnas.methods import penalties
from simplexnas.report import drawing, figures
from simplexnas.report.pages import experiments

figures.as_in_the_book()
experiments.same_S()
plt.show()

# %% [markdown]
# (your-S)=
# ## The network of your S
#
# One training gives a *family* of networks, and S says which member. From the root of the repository:
#
# ```
# papermill book/experiments.ipynb out.ipynb -p S "[0.15,0.15,0.7]"
# ```
#
# This runs the page for another S, and `-p family` for another family in `data/families`. The order is (pooling, identity, convolution). The page as you see it was run with:

# %% tags=["parameters"]
S = [0.2, 0.5, 0.3]
family = "default-seed0"

# %% tags=["nbval-ignore-output"] mystnb={"figure": {"caption": "The answer. Edge parameters are those of the chosen operations, as the paper counts; accuracy is with inherited weights.", "name": "tab-asked"}}
notebooks.check_parameters(globals(), {"S", "family"})
keep_memory()
loaded = Family.load(family)
S = penalties.parse(S, loaded.space.operations)
architecture, splits = loaded.architecture(S), load("fashion-mnist")
report = evaluation.evaluate(loaded, architecture, splits)
HTML(experiments.asked(report, S, family).to_html(index=False, border=0))

# %% [markdown]
# The hypernetwork turned S into logits, and every edge took the operation with the largest one. Nothing was trained for this S; only the statistics of batch normalisation were re-estimated, on training images.
# Here are the two cells: c-2 and c-1 are the outputs of the two cells before, and the output joins all nodes. The reduction cell stands twice in the network, with weights of its own each time.

# %%
HTML(drawing.cells(loaded.space, architecture.operations))

# %% [markdown]
# (paper-and-ours)=
# ## The paper's S
#
# A, B and C are the points of slide 6 {cite}`firsov2024`, which {ref}`result` quotes whole.
# The author's later Russian text {cite}`firsovtext` adds D = (0.15, 0.70, 0.15).

# %% tags=["hide-input", "full-width"] mystnb={"figure": {"caption": "The paper's models beside ours. Ours: mean ± standard deviation over five trainings, at the mean size; published, by us: the same over three. Edge parameters: of the chosen operations; every network has 20,506 more. The paper gives no MACs; those in its lines are decoded.", "name": "tab-paper-and-ours"}}
HTML(experiments.table().to_html(index=False, border=0))

# %% [markdown]
# - **Published, by us**: the published method as we trained it three times, for 5<!--=published_method.epochs--> epochs, in about the time of our 12<!--=published_method.ours.epochs-->, with nothing tuned for it ({ref}`our-training`). It has 86.3<!--=experiments.published.least--> to 92.1<!--=experiments.published.most--> %.
#
# - **Ours, same S**: from each of our five families, which differ in their seeds.
#
# - **Ours, best**: of each family the member that is best on the validation split, of those with at most the paper's edge parameters. Its S is one of the 231 points of a lattice with step 0.05. That is a choice which the paper did not make.
#
# All of ours are as in {numref}`tab-asked`: inherited weights, statistics re-estimated. The test images are a sample too: at 92 % the binomial standard error of one accuracy is 0.27 percentage points. That error is mostly shared by all trainings, so that ±, their spread, does not show it.
#
# **The gap to the paper is not the effect of one change.** Hypernetwork, price, $\kappa$, sampling, gradient estimate, training images, augmentation, optimiser and classifier all differ ({ref}`deviations`).
# And ours was tuned: some settings were tried on the validation images before, others set by hand ({ref}`which-command`).
#
# Networks chosen without data, the *control*, have a section of their own, since their accuracy depends on whose weights they get ({ref}`control-weights`).
#
# ## The same S is not the same size
#
# The paper's Figure 3 shows how operations are distributed. {numref}`fig-operations` has the counts of slide 6 (D: of the Russian text), and ours at the same S. The higher its penalty, the fewer edges an operation gets.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Horizontal bars of 28 edges, divided among pooling, identity and convolution: for each of A, B, C and D the paper's model, the published method trained by us, and ours. B has no convolution, C no pooling, D hardly an identity, in all three. The last bar is the network asked for."}, "figure": {"caption": "Edges per operation: the paper's models, the published method trained by us, and ours (means over trainings) at the same S; last, the network asked for.", "name": "fig-operations"}}
experiments.operations(architecture.counts())
plt.show()

# %% [markdown]
# So compare sizes before accuracies. The published method's networks at A, B and D have 2.6<!--=published_method.larger.least--> to 9.0<!--=published_method.larger.most--> times the paper's edge parameters; ours are larger than the paper's at D alone.
# Fewer parameters do not mean less computing either: our best at A, B and C have more MACs than the paper's models.
#
# (why-D)=
# **Why is D's "same S" better than its "best"?** It has 91.9<!--=experiments.D.same--> %, the best within the paper's size 88.8<!--=experiments.D.best--> %. It is larger, and in four of five trainings has a convolution in the reduction cell. No member of our families with one has fewer than 15,168<!--=experiments.reduction--> edge parameters, so none fits into the paper's 12,320.
# ## Is that good?
#
# Beside the one small network trained alone that we know, yes; beside large ones, no. {numref}`tab-shared-or-alone` puts our members, which share one set of weights, beside networks of this shape that were trained alone. DARTS-CC is {cite}`yakovlev2022`; we read its values off a plot, so that neither their protocol nor the error of reading is known.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Test accuracy by total parameters. Shared: members with inherited weights. Best (A, B, C): as above, means of five trainings. Pooling only: on every edge, least and most of five. Large: the two largest members of seed 0 that were also trained alone, for 3 epochs, a quarter of ours. DARTS-CC: read off its plot, protocol unknown.", "name": "tab-shared-or-alone"}}
HTML(experiments.shared_or_alone().to_html(index=False, border=0))

# %% [markdown]
# Pooling on every edge, without any edge parameter, is already ahead of each of the paper's models: that compares trainings and the fixed 20,506<!--=supernet.fixed--> parameters, not operations. From there to about 46,000 parameters our members gain much, and beyond little.
# Sharing weights is a likely reason: trained alone, large members are 1 to 2 percentage points better ({ref}`members-alone`).
#
# (which-network)=
# ## Which network was measured?
#
# A training can give several networks for one S, and they differ.
# A *relaxed* network mixes the operations of every edge by a Gumbel-Softmax sample for each image; a *discrete* one runs a single operation on each edge.
# We report the discrete network with re-estimated statistics: only its parameters are the ones counted. The author's evaluator draws a soft mixture for each image at $t = 1$ {cite}`firsovcode`; our variant trains no mixture, so {numref}`tab-ways` compares statistics alone.

# %% tags=["hide-cell"] mystnb={"code_prompt_show": "Accuracy by the way of measuring", "code_prompt_hide": "Hide the table", "figure": {"caption": "Test accuracy of our five families in percent, mean ± standard deviation, by the statistics of batch normalisation: old ones of training, or new, re-estimated ones.", "name": "tab-ways"}}
HTML(experiments.ways().to_html(index=False, border=0))

# %% [markdown]
# With the statistics of training, which mix many architectures, a network can lose more than half of its accuracy.
# In the published method the statistics matter less; its mixtures are measured too ({numref}`tab-published-ways`).
#
# ## What can go wrong
#
# - **Reading learning into counts.** S alone can fix them, so that agreement of *counts* with the paper says little ({ref}`have-data-a-say`).
# - **Columns of different networks.** The paper's accuracies and its parameters may not be of the same networks ({ref}`ways-to-measure`).
#
# ## Where it lives
#
# - Code: `simplexnas.family`, `simplexnas.measure.evaluation`, `simplexnas.report.pages.experiments` (this page's tables and figures).
# - Tests: `tests/test_pages_experiments.py`, `tests/test_evaluation.py`, `tests/test_commands.py` (the command above).
# - Data: `data/results/table.json`, and `paper_points.json` of each family.
