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
# # Can one set of weights serve all?
#
# *For readers who want to know what inherited weights cost · needs {doc}`triangle` · about 6 minutes*
#
# :::{admonition} In one minute
# :class: minute
# - Nearly ({numref}`fig-sharing-alone`). Trained alone, members have 1.2<!--=sharing.gap--> percentage points more on average than with the weights they inherit, and nearly the same ranks: 0.6<!--=sharing.gap.with--> more with a convolution in the reduction cell, 2.1<!--=sharing.gap.without--> without. Alone each had a quarter of the family's epochs, so these gaps are presumably lower bounds.
# - That holds for members. Random architectures have 8.5<!--=sharing.gap.random--> percentage points more alone, and then they are about as good as members: the shared weights presumably fit what training drew.
# - TODO results. To rank *any* architecture, training has to draw any; that makes members worse ({numref}`tab-shares`). Counting MACs ranks about as well, and needs no training.
# :::

# %% tags=["hide-input"] mystnb={"image": {"alt": "Test accuracy against total parameters. Each of 20 members is a hollow circle with inherited weights, joined by a short line to a full circle a little above, trained alone. Ten random architectures are hollow squares at 77 to 87 percent, joined by long lines to full squares among the members' full circles."}, "figure": {"caption": "Networks of one family, each with inherited weights (hollow) and trained alone (full).", "name": "fig-sharing-alone"}}
import matplotlib.pyplot as plt
from IPython.display import HTML

from simplexnas.report import figures
from simplexnas.report.pages import as_html, sharing

figures.as_in_the_book()
sharing.inherited_and_alone()
plt.show()

# %% [markdown]
# (members-alone)=
# ## Inherited, or trained alone
#
# Inherited weights are a compromise: one set serves all members. How accurate would a network be with weights of its own, and does inherited accuracy rank networks as training each alone would?
#
# `simplexnas retrain` trained 30<!--=sharing.all--> networks from scratch: 20<!--=sharing.members--> members of a family of the preset `default`, that of seed 0, evenly spaced in the order of their size, and 10<!--=sharing.random--> random architectures, each with shares of the three operations drawn at random.
#
# Optimiser, augmentation and re-estimated statistics are those of the family. Each had 3 epochs to itself, once; the shared weights had 24<!--=intro.epochs.ours--> for all members together. More epochs alone would presumably add accuracy, so that the gaps on this page are presumably lower bounds.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Test accuracy in percent, in brackets the number of networks; reduction conv.: a convolution in the reduction cell. Gap: alone minus inherited, ± standard deviation over networks, in percentage points. Kendall's τ of inherited and alone is 1 if both rank the networks alike, 0 if the ranks are unrelated.", "name": "tab-alone"}}
HTML(as_html(sharing.groups_table()))

# %% [markdown]
# **Members are 1.2<!--=sharing.gap--> percentage points below what training alone gives them,** and both rank them much alike, Kendall's τ 0.87<!--=sharing.tau--> ({numref}`tab-alone`). Also within the two kinds: 0.75<!--=sharing.tau.with--> with a convolution in the reduction cell, 0.71<!--=sharing.tau.without--> without.
#
# **The gap is largest where inherited accuracy is lowest,** 5.1<!--=sharing.gap.largest--> percentage points. With a convolution in the reduction cell it is 0.6<!--=sharing.gap.with-->, without 2.1<!--=sharing.gap.without-->.
#
# (two-ends)=
# ## Do two ends compete?
#
# The largest member, 104,416<!--=sharing.largest--> edge parameters, has 91.5<!--=sharing.largest.inherited--> % inherited, which is not the best of the family. Alone it has 93.5<!--=sharing.largest.alone--> %, which is the best of the 20<!--=sharing.members-->.
#
# So size is worth more alone than in the family. Sharing would explain that if small and large members pulled the weights that they share in different directions. `simplexnas gradients` looks:

# %% tags=["hide-input"] mystnb={"image": {"alt": "Two maps of cosines between the gradients of 20 members in the order of their size. Near the diagonal both are positive. For stem, preprocessing and classifier the three largest members, and the smallest, have negative cosines with those of middle size; for operations on edges hardly any pair has."}, "figure": {"caption": "Cosines between the gradients of two members, on the weights that both have and the same 2,048 training images, after training. 20 members in the order of their size; edge parameters at the axes. Grey: no weight in common.", "name": "fig-pulls"}}
sharing.pulls()
plt.show()

# %% [markdown]
# **Where they compete, it is in what every member has** ({numref}`fig-pulls`). In stem, preprocessing and classifier 33<!--=sharing.opposed.fixed--> % of the pairs have a negative cosine, down to −0.65<!--=sharing.opposed.least-->: the largest members pull against those of middle size, and so does the smallest. On the operations only 8<!--=sharing.opposed.edges--> % do.
#
# That is one family, at the end of its training, without an interval. Two sets of these common weights, mixed by a network's size, did not help in the one training that tried them (its result was not kept). Nor do large members gain little from sharing alone: training draws them seldom.
#
# ## Random architectures

# %% tags=["hide-input"] mystnb={"image": {"alt": "Test accuracy trained alone against that with inherited weights. Members lie on or a little above the line of equal accuracy; random architectures far above it, without order."}, "figure": {"caption": "The same networks: on the line, training alone adds nothing.", "name": "fig-sharing-scatter"}}
sharing.scatter()
plt.show()

# %% [markdown]
# **Random architectures gain 8.5<!--=sharing.gap.random--> percentage points,** and we see no relation between their accuracies inherited and alone ({numref}`fig-sharing-scatter`; ten networks are few). With inherited weights they are far behind the members.
#
# **Alone, a random architecture is nearly as accurate as the member of its kind that is nearest in size:** 0.2<!--=sharing.lead--> percentage points below on average, at most 0.8<!--=sharing.lead.least--> (3<!--=sharing.larger--> of the 10<!--=sharing.random--> are larger than every member). So most of the distance between them is one of weights, presumably as the shared ones fit what training drew. (We chose to match by kind after seeing that it matters most, and only seven members serve the ten comparisons.)
#
# **Not all of it.** The smallest member here with a convolution in the reduction cell is smaller than some random architectures without. The best of the members of at most its size (on validation) is ahead of a random architecture in most cases, 8<!--=sharing.beaten-->, in 2<!--=sharing.beaten.other--> of them with such a convolution that the other lacks.
# It was chosen among 5<!--=sharing.among.least--> to 20<!--=sharing.among.most-->, though, which helps it.
#
# (ranking)=
# ## Which weights rank architectures?
#
# A search with shared weights trusts that inherited accuracy ranks networks as their own training would. `simplexnas rank` measured the same 30<!--=sharing.all--> networks with other weights: of our other trainings, of the published method, and of four short trainings in which a share of the steps after the warm-up draws any architecture at random. Two more rows use no weights, but count.

# %% tags=["hide-input"] mystnb={"image": {"alt": "For each set of weights Kendall's tau with training alone, of all networks with an interval, of members, and of random architectures. TODO results"}, "figure": {"caption": "Kendall's τ of each predictor with training alone. Intervals: a bootstrap that draws as many members and random architectures as there are, the same networks for every row. The members are of seed 0: other weights were not trained for them, though our other families have similar ones.", "name": "fig-sharing-ranking"}}
found = sharing.ranking()
sharing.taus(found)
plt.show()

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Gap, alone minus inherited, in percentage points; τ over all networks; and the 95 % interval of how far it is behind the τ of counting MACs, from the same bootstrap.", "name": "tab-ranking"}}
HTML(as_html(sharing.ranking_table(found)))

# %% [markdown]
# TODO results. **The family's own weights rank their own members,** with Kendall's τ 0.87<!--=sharing.tau--> ({numref}`fig-sharing-ranking`). Those of our other whole trainings rank the same networks with 0.39<!--=sharing.others.least--> to 0.64<!--=sharing.others.most-->; those of the published method rank all 30<!--=sharing.all--> with 0.77<!--=sharing.theirs-->.
#
# (any-architecture)=
# ### How much randomness does ranking take?

# %% tags=["hide-input"] mystnb={"image": {"alt": "Two panels against the share of steps with random choices, 0 to 100 percent. TODO results."}, "figure": {"caption": "Four short trainings of the preset quick, one for each share, seed 0. Above: what networks gain by training alone, 20 members of another family and 10 random architectures. Below: the family that the training gives, on 66 points S.", "name": "fig-shares"}}
shares = sharing.shares(found)
sharing.trade(shares)
plt.show()

# %% tags=["hide-cell"] mystnb={"code_prompt_show": "The same in numbers", "code_prompt_hide": "Hide the table", "figure": {"caption": "The same trainings: gap, alone minus inherited, in percentage points; Kendall's τ with training alone; and the family that they are.", "name": "tab-shares"}}
HTML(as_html(sharing.shares_table(shares)))

# %% [markdown]
# TODO results. **To rank any architecture, and to have accurate members of every size, are two aims.** With random choices in all steps ({numref}`fig-shares`, {numref}`tab-shares`) τ is 0.82<!--=sharing.random.tau-->, 8<!--=sharing.random.gap--> percentage points below training alone, and the best member within A's size falls from 86.7<!--=sharing.short.within--> to 80.9<!--=sharing.random.within--> %.
#
# **Counting MACs ranks about equally well,** and nothing need be trained: all networks with Kendall's τ 0.80<!--=sharing.macs-->, members with 0.84<!--=sharing.macs.members-->. Counting edge parameters is slightly worse.
# That shared weights may rank badly, and that predictors without any training compete with them, is known from benchmarks {cite}`white2021predictors,ning2021estimators`; a count is the simplest of those.
#
# All this is of one sample of networks, each trained alone once. The intervals in {numref}`tab-ranking` do not tell the best three apart, though they do tell them from the other weights.
#
# ## What can go wrong
#
# - **Trusting ranks of networks that training never drew.** Inherited accuracy says little about them.
# - **Choosing the largest member for its size.** With inherited weights it is not the best; train it alone, or take a smaller one ({ref}`menu`).
# - **One training each.** The gap of a single network has its own noise, and 3 epochs are not the end of training.
#
# ## Where it lives
#
# - Code: `simplexnas.measure.retraining`, `simplexnas.measure.ranking`, `simplexnas.report.statistics` (τ, bootstrap), `simplexnas.report.pages.sharing` (this page's tables and figures).
# - Tests: `tests/test_retrain.py`, `tests/test_pages_sharing.py`.
# - Data: `data/results/default-seed0/retrained.json`; `ranked.json` of the families under `ranking` in `data/published.json`.
