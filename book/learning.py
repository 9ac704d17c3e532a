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
# # Is learning the choice worth it?
#
# *For reviewers · needs {doc}`hypernetwork` and {doc}`triangle` · about 6 minutes*
#
# :::{admonition} In one minute
# :class: minute
# - Yes, a little. Trained for equally many steps, with weights of their own, families that learn what operations are worth have a hypervolume of 0.556<!--=learning.hypervolume.learned-->, those with random worths 0.526<!--=learning.hypervolume.random--> ({numref}`tab-own-weights` has the interval). They are ahead among large networks, and behind among small ones.
# - What the data say is *where convolutions should stand*: in every training they are worth far more in the reduction cell than in the normal one. On the edges within a cell trainings agree weakly ({ref}`trainings-agree`).
# - On *our* weights random worths are behind as well, and further. That comparison favours us, as these weights were trained on what we ask for.
# :::

# %% tags=["hide-input"] mystnb={"image": {"alt": "Fronts of ten trainings: test accuracy against total parameters. Among small networks those with random worths lie higher, by one or two percentage points; they end at 30,000 to 70,000 parameters. Those with learned worths cross them at about 35,000, and go on to 100,000 or more and 88 to 89 percent."}, "figure": {"caption": "Fronts of short trainings with weights of their own, five of each kind: worths learned from the losses, and random ones.", "name": "fig-learning-own"}}
import matplotlib.pyplot as plt
from IPython.display import HTML

from simplexnas.report import figures
from simplexnas.report.pages import as_html, learning

figures.as_in_the_book()
learning.own_fronts()
plt.show()

# %% [markdown]
# The *worth* of an operation on an edge is by how much it lowers the loss, in nats ({ref}`worth-in-nats`). The operation with the largest worth minus price is chosen. S and the price say *how many* edges take an operation; *which* come first is what the worths say. Is it worth learning them?
#
# (own-weights)=
# ## Weights of their own
#
# A fair opponent of the learned worths has weights of its own: the same training for the same number of steps, with random worths that never change. Both kinds are of the preset `quick`, five<!--=learning.pairs--> trainings each, and the random worths have the same spread in units of S.
# Trainings with the same seed begin with the same weights and see the same images, so we compare them in pairs.
#
# (hypervolume)=
# The *hypervolume* is the part of the unit square that a front dominates. One axis is the logarithm of total parameters, 0 at the smallest network and 1 at the one of convolutions only. The other is the error divided by 30 %. So the reference point is the largest size at 70 % accuracy.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "On 66 points S: hypervolume; test accuracy in percent of the member that is best on validation within each of the paper's sizes, in edge parameters; in brackets the number of trainings, ± their standard deviation. Ahead: what learned worths are ahead of random ones, mean of pairs with the same seed and its 95 % interval (Student's t).", "name": "tab-own-weights"}}
HTML(as_html(learning.own_table()))

# %% [markdown]
# **Learned worths are ahead,** by 0.031<!--=learning.ahead.mean--> of hypervolume (95 % interval 0.002<!--=learning.ahead.low--> to 0.059<!--=learning.ahead.high-->, which just leaves out zero).
#
# **Ahead among large networks, behind among small ones** ({numref}`fig-learning-own`, {numref}`tab-own-weights`). Within D's size random worths have 2.0<!--=learning.ahead.small--> percentage points more. They seldom ask for convolutions in the reduction cell, where these are dear: their largest network has 69,632<!--=learning.random.largest--> edge parameters. So presumably their small networks are trained more often.
#
# That is a statement on short trainings. Whole trainings of both kinds would tell whether it lasts; we did not spend the hours.
#
# ## The published method
#
# Three trainings of the published method, each about as long as ours of the preset `default` ({ref}`our-training`):

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Whole lattices of 231 points S. Columns as above; ahead: what ours are ahead of the published method, mean of pairs and its 95 % interval.", "name": "tab-own-published"}}
HTML(as_html(learning.own_table(learning.LONG)))

# %% [markdown]
# **Ours are ahead by 0.25<!--=learning.theirs.mean--> of hypervolume** ({numref}`tab-own-published`; 95 % interval 0.18<!--=learning.theirs.low--> to 0.32<!--=learning.theirs.high-->).
#
# **Also where both have networks.** Within C's size ours have 1.5<!--=learning.theirs.C.mean--> percentage points more (0.3<!--=learning.theirs.C.low--> to 2.7<!--=learning.theirs.C.high-->). Within A's the lead is larger, but the three trainings of the published method vary much there, and the interval holds zero.
#
# **What the published method lacks are small networks.** As trained, its hypernetworks never take pooling on more than 00<!--=learning.theirs.pool--> of the 28 edges, even where pooling is free; the smallest network of all has 00,000<!--=learning.theirs.smallest--> edge parameters.
# Of a hundred trained on the price alone, many have networks within D's size and fewer within B's ({numref}`tab-one-sided`).
#
# **Without their price of parameters ours lack them too.** The three short trainings without it have no network below 30,720<!--=learning.unit.smallest--> edge parameters, and a hypervolume of 0.34<!--=learning.unit.hypervolume-->, where those with it have 0.556<!--=learning.hypervolume.learned-->. So the price of parameters may be most of the lead; the published method with such a price was not trained.
#
# ## The same weights
# Opponents with the weights of our families cost no training:
#
# - a *random hypernetwork*: a worth minus a price, but with worths drawn at random;
# - the data-free *control* ({ref}`control-weights`): an operation of least penalty on every edge, ties at random;
# - 30 *random architectures*, each with shares of the three operations drawn at random.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Test accuracy against total parameters. The front of the family lies above the fronts of the random hypernetwork and of the control nearly everywhere; random architectures scatter below."}, "figure": {"caption": "The family of seed 0 and opponents with its weights. Fronts over 66 points S, chosen on validation. Random architectures below 74 % stand at the lower edge.", "name": "fig-learning-same"}}
learning.same_fronts()
plt.show()

# %% tags=["hide-input"] mystnb={"figure": {"caption": "On the same 66 points S: different networks, hypervolume and how far it is behind the family with the same weights, each with its 95 % interval over trainings (Student's t), and test accuracy in percent of the best on validation within each of the paper's sizes, mean over trainings.", "name": "tab-same-weights"}}
HTML(as_html(learning.same_table()))

# %% [markdown]
# TODO results. **The family is ahead of all three** ({numref}`fig-learning-same`, {numref}`tab-same-weights`).
#
# **But the comparison favours it:** its weights were trained on what its own hypernetwork asked for. The same kind of random worths loses less with weights of its own (above) than on ours, 0.000<!--=learning.same.random-->.
#
# (trainings-agree)=
# ## Do trainings agree?
#
# If the data preferred an order of edges, trainings with other seeds would find similar worths. We correlate them over the 14 edges of a cell, for each operation, and take the mean over operations, cells and pairs of trainings. To see what chance gives, we shuffle the edges of each training 2,000 times.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Mean correlation of the worths of two trainings, and after shuffling (± standard deviation over shuffles). Edges of equal price: those that leave an input of the cell, and the others.", "name": "tab-agreement"}}
HTML(as_html(learning.chance_table(learning.chance())))

# %% [markdown]
# **Between cells they agree, within a cell weakly.** In the reduction cell a convolution is worth 14<!--=learning.reduction.least--> to 16<!--=learning.reduction.most--> millinats in every training, in the normal cell less than a third of that. Over the edges of a cell the correlation is 0.19<!--=learning.agreement-->. That is little, but more than chance: of shuffles among edges of equal price, {numref}`tab-agreement` has hardly one that agrees as well.
#
# The regression says as much itself: its standard errors are larger than the differences between edges of a cell ({ref}`worth-in-nats`).
#
# ## Where S leaves room
#
# Two trainings see the same penalties, so where their networks differ, the penalties did not decide ({numref}`fig-learning-room`). Does accuracy differ there too?

# %% tags=["hide-input"] mystnb={"image": {"alt": "Two triangles of penalties in tiles. On the left the edges in which two trainings differ, most along the lines on which two penalties tie; on the right the standard deviation of test accuracy over trainings."}, "figure": {"caption": "Edges, of 28, in which two trainings differ, mean over pairs, and the standard deviation of test accuracy over trainings, in percentage points.", "name": "fig-learning-room"}}
learning.room_maps()
plt.show()

# %% tags=["hide-cell"] mystnb={"code_prompt_show": "The same in numbers", "code_prompt_hide": "Hide the table", "figure": {"caption": "Where the two smallest penalties are close and where they are not: edges in which two networks for the same S differ, and the standard deviation of test accuracy over trainings, in percentage points; means over points S.", "name": "tab-room"}}
HTML(as_html(learning.room_table(learning.room())))

# %% [markdown]
# **Penalties decide most, and the data some of the rest** ({numref}`tab-room`). Where the two smallest penalties are close, two trainings differ on 9<!--=learning.room.close--> edges, elsewhere on 7<!--=learning.room.far-->. Two random hypernetworks differ on 13<!--=learning.room.random-->.
#
# The rank correlation of the two maps is 0.28<!--=learning.maps-->, and where half of the edges differ the standard deviation of accuracy is 1.5<!--=learning.sd.half--> percentage points.
# On what matters most, whether the reduction cell has a convolution ({numref}`tab-levels`), all trainings agree at 76<!--=learning.reduction--> % of the points S.
#
# ## What can go wrong
#
# - **Comparing with opponents on your own weights.** They were trained for your networks; being ahead says little about the choice.
# - **Few trainings.** An interval over five<!--=learning.pairs--> pairs leans on the assumption that differences are normally distributed.
# - **Short trainings.** What a choice is worth after two epochs need not last.
#
# ## Where it lives
#
# - Code: `simplexnas.measure.baselines`, `simplexnas.report.analysis` (hypervolume), `simplexnas.report.tables` (`hypervolumes`), `simplexnas.report.pages.learning` (this page's tables and figures).
# - Tests: `tests/test_pages_learning.py`, `tests/test_tables.py`, `tests/test_analysis.py`.
# - Data: `lattice.json` of the families `quick`, `random`, `paper` and `unit`, and `lattice.json` and `baselines.json` of `default` of `data/published.json`, under `data/results`.
