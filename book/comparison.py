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
# # Which method wins, where, and at what cost?
#
# *For reviewers, and for readers who have to choose a method · needs {doc}`methods` · about 7 minutes*
#
# :::{admonition} In one minute
# :class: minute
# - TODO results. **Who wins where.** Trained alone, our networks are 0.00<!--=comparison.ahead.mean--> percentage points ahead of random architectures of the same size. Two networks have to differ by 0.00<!--=comparison.least--> to be called different ({ref}`least-difference`). Ahead of ours: TODO, where networks are TODO ({numref}`fig-planes`).
# - TODO results. **At what cost.** Ten networks, each trained alone, take 00<!--=comparison.minutes.family--> minutes by a training that gives a family, 00<!--=comparison.minutes.single--> by trainings that give one architecture each ({numref}`fig-comparison-cost`).
# - TODO results. **What the vector S buys** over one number, over trainings that scan a knob, and over random choice: TODO ({ref}`what-s-buys`).
# :::

# %% tags=["hide-input"] mystnb={"image": {"alt": "Three panels, one above the other: test accuracy of networks trained alone against total parameters, against MACs and against predicted time. Lines with full marks for methods that give a family, hollow marks for the others, grey dots for random architectures. TODO results: what lies highest, and where."}, "figure": {"caption": "Networks trained alone: test accuracy against three costs. A line with full marks: a run of a method that gives a family, its front of validation accuracy. Hollow: an architecture of each training. Grey: random architectures.", "name": "fig-planes"}}
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import HTML

from simplexnas.report import figures
from simplexnas.report.pages import as_html, comparison

figures.as_in_the_book()
found = comparison.read()
comparison.planes(found)
plt.show()

# %% [markdown]
# **Read it so.** Up and to the left is better. A *run* is all that a method gave with one seed.
#
# TODO results. One sentence for each panel: who is on the outer front among small, middle and large networks, and where the panels disagree.
#
# ## What is equal, and what is not
#
# **Equal:** the space of networks, the images and what validates and tests, the evaluation, three seeds, and the time of a training: that of our preset `quick`, 0<!--=comparison.minutes.training--> minutes. `benchmarks/methods.py` timed each method's steps once, on a machine that did nothing else; that gave the epochs of {numref}`tab-method-costs`, on whatever day and machine the training ran.
#
# **Trained alone** were up to three networks of each training's front, evenly spaced by size, for two epochs by one recipe, that of our preset `default`. So were 00<!--=comparison.random--> random architectures, as many of each size. In all: 00<!--=comparison.trainings--> searches, 00<!--=comparison.alone--> networks trained alone.
#
# **Not equal,** mostly in our favour:
#
# - *Tuning.* Ours got far more than the others: over the life of the project a few dozen short trainings shaped it, on these validation images; most were not kept ({ref}`which-command`). FBNet and ProxylessNAS with gates have three settings of their knob, all shown; other rows have one, as published or adapted to short trainings. TODO results: say how many more were tried for each, if any.
# - *Trainings.* Those scans take three times the time, which is counted.
# - *Candidates.* Fronts are chosen among 66 points S of ours, and among 11 values where the knob is a number.
# - *Weights.* One optimiser for all but the published method, which has AdamW for every weight, and no mirrored images. Ours has batches of 32, others 64. Where choices learn from images of their own, weights see fewer.
# - *Price.* FBNet's is predicted time. DARTS and two forms of ProxylessNAS have none: nothing asks them for small networks.

# %% tags=["hide-cell", "full-width"] mystnb={"code_prompt_show": "What each method costs", "code_prompt_hide": "Hide the table", "figure": {"caption": "Trainings of all seeds; epochs of a training, a step's time, and a process's memory above what it had before the first step, measured alone on one machine; lines of the method's module.", "name": "tab-method-costs"}}
costs = ["trainings", "epochs", "step, ms", "memory, MB", "lines of code"]
table = comparison.scores_table(comparison.scores(found))
HTML(as_html(table[["method", *costs]]))

# %% [markdown]
# **In this space.** All sentences here are about 28 edges with three operations each, small pictures, and trainings of minutes. Random search is hard to beat in larger spaces too {cite}`li2019random`; but another space may rank methods otherwise.
#
# (least-difference)=
# ## Noise first
#
# Three members of one family of ours were trained alone with five seeds each. The standard deviation over seeds is 0.00<!--=comparison.noise--> percentage points. **Two networks, each trained alone once, have to differ by twice that, 0.00<!--=comparison.least-->, before we call them different.** That rule is older than the results, and mild: 1.4 standard deviations of a difference.
#
# ## Scores
#
# *Inherited* accuracy and that of networks trained *alone* are never mixed. Of each run at most three networks count: on the front of validation accuracy, evenly spaced by size. What counts is their test accuracy.
#
# - *Hypervolume*: the area that they dominate in a square of size (logarithm) and error (5 to 20 %); larger is better. Scaled otherwise than {ref}`elsewhere <hypervolume>`.
# - *IGD+*: by how much they fall short, on average, of the best networks of all methods in that square; 0 is best.
# - *Ahead of random*: their test accuracy less that of random architectures of the same size, interpolated on the front of these, all trained alone.

# %% tags=["hide-input", "full-width"] mystnb={"figure": {"caption": "What each method reached: means over seeds and their 95 % intervals, by a bootstrap over seeds and test images. Members that count: with inherited weights, trained alone. Size: total parameters. Last column: percentage points.", "name": "tab-scores"}}
HTML(as_html(table.drop(columns=costs)))

# %% [markdown]
# TODO results. **Against random architectures of the same size** ours are ahead by 0.00<!--=comparison.ahead.mean--> percentage points (0.00<!--=comparison.ahead.low--> to 0.00<!--=comparison.ahead.high-->). Of the others: TODO.
#
# TODO results. **Hypervolume and IGD+**: TODO, with intervals that do, or do not, overlap ({numref}`tab-scores`).
#
# One network dominates little. Compare DARTS and the ProxylessNAS forms that were not scanned by the last column alone.
#
# TODO results. **By other costs** ({numref}`tab-by-cost`): TODO.

# %% tags=["hide-cell", "full-width"] mystnb={"code_prompt_show": "Hypervolume by each cost", "code_prompt_hide": "Hide the table", "figure": {"caption": "Hypervolume of networks trained alone and its 95 % interval, where size is one of three costs.", "name": "tab-by-cost"}}
by_cost = {
    label: comparison.scores_table(comparison.scores(found, size))
    for size, (_, label) in comparison.SIZES.items()
}
columns = {
    label: own.set_index("method")["hypervolume, trained alone"]
    for label, own in by_cost.items()
}
HTML(as_html(pd.DataFrame(columns).reset_index()))

# %% [markdown]
# ## With inherited weights
#
# A network that inherits its weights needs no training of its own ({numref}`fig-planes-inherited`). Is it as good as one trained alone?

# %% tags=["hide-cell"] mystnb={"code_prompt_show": "The three planes with inherited weights", "code_prompt_hide": "Hide the figure", "image": {"alt": "The same three panels for networks with inherited weights; what is below 80 percent stands at the lower edge. TODO results: what lies highest, and which methods lie at the lower edge."}, "figure": {"caption": "Networks with inherited weights, statistics of batch normalisation re-estimated. Random architectures have the weights of random search.", "name": "fig-planes-inherited"}}
comparison.planes(found, comparison.INHERITED)
plt.show()

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The same networks (in brackets how many) with inherited weights and trained alone: mean test accuracy, the gap in percentage points, and Kendall's τ, which is 1 if both rank the networks alike, 0 if the ranks are unrelated.", "name": "tab-gaps"}}
HTML(as_html(comparison.gaps_table(comparison.gaps(found))))

# %% [markdown]
# TODO results. **The gap** is TODO where one path is trained, TODO where a mixture is ({numref}`tab-gaps`). A mixture is not the network that is chosen of it, and the parametric control trained no pooling: there inherited accuracy says little.
#
# TODO results. **Does the knob do anything?** ({numref}`tab-collapse`) Which methods give the same network again, which put one operation on nearly every edge, and which give a larger one where a smaller was asked: TODO.

# %% tags=["hide-cell", "full-width"] mystnb={"code_prompt_show": "How much the networks of a run differ", "code_prompt_hide": "Hide the table", "figure": {"caption": "Different architectures of a run and how many are on its front, means over seeds; sizes of all; the most frequent operation and its share of edges in the seed with most of it; neighbours on the knob, or in a scan, whose sizes are in the wrong order. S has no order.", "name": "tab-collapse"}}
HTML(as_html(comparison.collapses_table(comparison.collapses(found))))

# %% [markdown]
# ## What do many networks cost?
#
# A family costs one training, and for each member an evaluation or a training alone. A method with one architecture costs a search for each.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Minutes against the number of architectures, 1 to 30, both axes logarithmic; five lines. A family with inherited weights is nearly flat, the others rise. TODO results: which lines cross, and where."}, "figure": {"caption": "Minutes for 1 to 30 networks. Hollow: more than were measured, so extrapolated.", "name": "fig-comparison-cost"}}
minutes = comparison.costs(comparison.seconds(), found)
comparison.cost_curve(minutes)
plt.show()

# %% tags=["hide-cell"] mystnb={"code_prompt_show": "The same in numbers", "code_prompt_hide": "Hide the table", "figure": {"caption": "Minutes for so many networks. An asterisk: extrapolated.", "name": "tab-comparison-cost"}}
HTML(as_html(comparison.costs_table(minutes)))

# %% [markdown]
# **Ten networks** trained alone (more than we trained of any family, so extrapolated) take 00<!--=comparison.minutes.family--> minutes as members of a family, 00<!--=comparison.minutes.single--> by a search for each, 00<!--=comparison.minutes.random--> drawn at random. A family with inherited weights takes 00<!--=comparison.minutes.inherited--> ({numref}`tab-comparison-cost`).
#
# **Where every network is trained alone, a search never saves time over drawing as many at random.** It has to pay by better networks of the same size: by the last column of {numref}`tab-scores`.
#
# ## What each does better than ours
#
# - **Ours, random worths**: TODO results.
# - **Ours, price alone**: TODO results.
# - **Published method**: TODO results.
# - **DARTS**: TODO results. It needs no price and no table of times.
# - **FBNet**: TODO results. It is made for measured time.
# - **ProxylessNAS**: TODO results. Two paths are there to save memory ({numref}`tab-method-costs`).
# - **DARTS-CC**: TODO results. In its authors' plot random networks lie on its own curve; here it is TODO ahead of them.
# - **Parametric control**: TODO results. It makes weights for each price, which is not measured here.
# - **Random search**: TODO results. Nothing about its choice has to be learned.
#
# (what-s-buys)=
# ## What does S buy?
#
# TODO results. **Over one number, and over a scan.** By hypervolume, of at most three networks trained alone: ours 0.00<!--=comparison.volume.ours-->; DARTS-CC, one number, 0.00<!--=comparison.volume.darts_cc-->; three trainings each of FBNet 0.00<!--=comparison.volume.fbnet--> and of ProxylessNAS 0.00<!--=comparison.volume.gates-->.
#
# TODO results. **Over random choice.** Ours with random worths has 0.00<!--=comparison.volume.random_worths-->, random search with shared weights 0.00<!--=comparison.volume.random_search-->.
#
# These scores take one cost at a time, for which a number should do ({ref}`one-number`); that a vector can say which cost counts is no part of them.
#
# **The verdict.** TODO results, in three sentences: who wins among small, middle and large networks; at which cost in trainings and memory; whether S, learned worths, or any search are worth it in this space.
#
# ## What can go wrong
#
# - **Three seeds.** A bootstrap over three seeds gives intervals that are too short; barely separate ones decide nothing.
# - **The best of many.** Of fourteen rows one is best by chance too. Scores were fixed before the results, sentences were not.
# - **Short trainings.** DARTS and others were made for tens of epochs; here their logits take fewer and larger steps.
# - **Trained alone, by our recipe.** It was made for our networks, and two epochs may rank networks otherwise than fifty.
# - **Minutes of two sources.** Those of a search were measured on a quiet machine, those of a network alone wherever results were computed.
#
# ## Where it lives
#
# - Code: `simplexnas.measure.comparison` (networks trained alone, noise), `simplexnas.report.comparison` (which trainings), `simplexnas.report.versus` (scores, intervals, cost), `simplexnas.report.pages.comparison` (this page's tables and figures), `benchmarks/methods.py`.
# - Tests: `tests/test_comparison.py`, `tests/test_report_comparison.py`, `tests/test_versus.py`, `tests/test_pages_comparison.py`.
# - Data: `data/comparison.json`; under `data/results` `method_costs.json`, `lattice.json` and `compared.json` of its families (`diverged.json` of a training that failed), and `noise.json` of the first.
