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
# - These trainings do not show that it is ({numref}`fig-learning-own`). A family trained with random utilities, which never change, has a hypervolume of 0.70<!--=learning.hypervolume.random-->, ours 0.70<!--=learning.hypervolume.learned--> too. With one training of it and three<!--=learning.trainings--> of ours, a difference below 0.05<!--=learning.visible--> could not have been seen.
# - On *our* weights random utilities are behind, by 0.085<!--=learning.same.random--> ({numref}`tab-same-weights` has the interval). So these weights fit the order of edges that they were trained with; our order on the other weights was not tried.
# - The utilities that our trainings learned agree only weakly over the edges ({ref}`trainings-agree`).
# :::

# %% tags=["hide-input"] mystnb={"image": {"alt": "Test accuracy against total parameters. The fronts of our trainings and of the family with random utilities run together from 87 percent to 92. The front of the published method begins at 40,000 parameters with 86 percent and reaches 92 beyond 110,000."}, "figure": {"caption": "Fronts of families with weights of their own: learned utilities, random utilities that never change, and the published method.", "name": "fig-learning-own"}}
import matplotlib.pyplot as plt
from IPython.display import HTML

from simplexnas.report import figures
from simplexnas.report.pages import as_html, learning

figures.as_in_the_book()
learning.own_fronts()
plt.show()

# %% [markdown]
# A *utility* is a number for an operation on an edge; the largest utility minus price wins the edge. S and the price say *how many* edges take an operation, by construction ({ref}`steering`). *Which* edges come first is what the utilities say, and what training could learn. Is it worth anything?
#
# (own-weights)=
# ## Weights of their own
#
# Our families on this page are of the preset `default`, which learns utilities by gradient (its recipe: {numref}`tab-recipe`). A fair opponent of the learned utilities has weights of its own: the same training, with random utilities that never change. So has the published method ({ref}`our-training`), trained for 5<!--=intro.epochs.theirs--> epochs, where ours have 24<!--=intro.epochs.ours-->.
#
# (hypervolume)=
# The *hypervolume* is the part of the unit square that a front dominates. One axis is the logarithm of total parameters, 0 at the smallest network and 1 at the one of convolutions only. The other is the error divided by 30 %. So the reference point is the largest size at 70 % accuracy.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Whole lattices of 231 points S: hypervolume; test accuracy in percent of the member that is best on validation within each of the paper's sizes, in edge parameters; in brackets the number of trainings, ± their standard deviation. (It is the spread over trainings. The choice of test images adds about 0.3, mostly shared by all trainings, which it does not show.)", "name": "tab-own-weights"}}
HTML(as_html(learning.own_table()))

# %% [markdown]
# **No difference in hypervolume is seen.** By the spread of our trainings, one more of them would lie within 0.05<!--=learning.visible--> of their mean, in 95 % of cases; the one with random utilities does.
#
# Within the two smallest sizes the random utilities are 0.8<!--=learning.gain--> percentage points better on average, beyond that 0.1<!--=learning.loss.least--> to 0.4<!--=learning.loss.most--> worse. Three trainings are too few to say what of this is chance.
# So learning the utilities brings nothing that these trainings show. A likely reason is that weights adapt to the order of edges they are trained with; see the next section.
#
# That is one training, with one of many orders. Short ones are in {ref}`one-change`.
#
# **What the published method lacks are small networks.** Within C's size it is as accurate as ours, in half the time. But as trained, its hypernetwork never takes pooling on more than 20<!--=learning.theirs.pool--> of the 28 edges, even where pooling is free. At its smallest, 20,480<!--=learning.theirs.smallest--> edge parameters, it keeps four<!--=learning.theirs.strided--> identities with stride 2, and nothing else that has parameters.
#
# That is one training too. Of a hundred on the price alone, many have networks within D's size and fewer within B's ({numref}`tab-one-sided`).
#
# **The price of parameters is not what makes the difference.** Our training without it has a network of no edge parameters, 92.7<!--=learning.unit.within--> % within A's size, and a hypervolume of 0.67<!--=learning.unit.hypervolume-->. It is the form: with a utility minus a price, large penalties on the others always mean pooling everywhere.
#
# ## The same weights
# Opponents with the weights of our families cost no training:
#
# - a *random hypernetwork*: the same form, a utility minus a price, but with utilities drawn at random;
# - the data-free *control* ({ref}`control-weights`): an operation of least penalty on every edge, ties at random;
# - 30 *random architectures*, each with shares of the three operations drawn at random.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Test accuracy against total parameters. The front of the family lies above the fronts of the random hypernetwork and of the control nearly everywhere; random architectures scatter below."}, "figure": {"caption": "The family of seed 0 and opponents with its weights, one draw of each. Fronts over 66 points S, chosen on validation. Random architectures below 74 % stand at the lower edge.", "name": "fig-learning-same"}}
learning.same_fronts()
plt.show()

# %% tags=["hide-input"] mystnb={"figure": {"caption": "On the same 66 points S: different networks of a draw, hypervolume and how far it is behind the family with the same weights, each with its 95 % interval over trainings (Student's t), and test accuracy in percent of the best on validation within each of the paper's sizes, mean over trainings and draws (three of random hypernetwork and control).", "name": "tab-same-weights"}}
HTML(as_html(learning.same_table()))

# %% [markdown]
# **The family is ahead of all three** ({numref}`fig-learning-same`); its interval overlaps none of theirs. None of the random architectures is small. Up to A's size the control's best is pooling everywhere.
#
# **But the comparison favours it:** its weights were trained on what its own hypernetwork asked for. The same kind of random utilities with weights of their own is not seen to be behind (above); put on weights that were trained with another order, it is 0.085<!--=learning.same.random--> of hypervolume behind.
#
# (trainings-agree)=
# ## Do trainings agree?
#
# If the data preferred an order of edges, trainings with other seeds would find similar utilities. We correlate them over the 14 edges of a cell, for each operation, and take the mean over operations, cells and pairs of trainings. To see what chance gives, we shuffle the edges of each training 2,000 times.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Mean correlation of the utilities of two trainings, and after shuffling (± standard deviation over shuffles). Edges of equal price: those that leave an input of the cell, and the others.", "name": "tab-agreement"}}
HTML(as_html(learning.chance_table(learning.chance())))

# %% [markdown]
# **They agree weakly** ({numref}`tab-agreement`): a correlation of 0.18<!--=learning.agreement-->, mostly because of one pair. Some of that the price alone can give, as it treats edges from a cell's inputs differently; shuffled among edges of equal price, chance gives as much in 4<!--=learning.agreement.chance--> % of cases.
#
# Why not more, we did not separate. The estimate of the gradient is noisy: in `default` each of two paths is judged on its own half of a batch. (The preset `worth` has no such gradient, {ref}`training-worth`.) And an early choice strengthens itself, as weights adapt to it.
#
# ## Where S leaves room
#
# Two trainings see the same penalties, so where their networks differ, the penalties did not decide ({numref}`fig-learning-room`). Does accuracy differ there too?

# %% tags=["hide-input"] mystnb={"image": {"alt": "Two triangles of penalties in tiles. On the left the edges in which two trainings differ, most along the lines on which two penalties tie; on the right the standard deviation of test accuracy over trainings, with no such pattern."}, "figure": {"caption": "Edges, of 28, in which two trainings differ, mean over pairs, and the standard deviation of test accuracy over trainings, in percentage points.", "name": "fig-learning-room"}}
learning.room_maps()
plt.show()

# %% tags=["hide-cell"] mystnb={"code_prompt_show": "The same in numbers", "code_prompt_hide": "Hide the table", "figure": {"caption": "Where the two smallest penalties are close and where they are not: edges in which two networks for the same S differ, and the standard deviation of test accuracy over trainings, in percentage points; means over points S.", "name": "tab-room"}}
HTML(as_html(learning.room_table(learning.room())))

# %% [markdown]
# **Where one operation is clearly the cheapest, the penalties decide; where the two cheapest are close, they leave room** ({numref}`tab-room`), as they should. What fills it is hardly the data: random hypernetworks differ as much.
#
# **We see no relation to accuracy.** The rank correlation of the two maps is −0.06<!--=learning.maps-->, and where half of the edges differ the standard deviation is 0.5<!--=learning.sd.half--> percentage points.
# On what matters most, whether the reduction cell has a convolution ({numref}`tab-levels`), the trainings agree at 100<!--=learning.reduction--> % of the points S.
#
# So we see no difference between orders of edges, if the weights were trained with them, and could have seen only a large one. Put another order on the weights, and it matters.
#
# ## What can go wrong
#
# - **Comparing with opponents on your own weights.** They were trained for your networks; being ahead says little about the choice.
# - **Few trainings.** An interval over three<!--=learning.trainings--> values leans on the assumption that they are normally distributed. The family with random utilities and the published method were trained once.
# - **"No difference shown" is not "no difference".** One more training of ours could differ from the mean by 0.05<!--=learning.visible--> of hypervolume, or by up to 1.3<!--=learning.visible.within--> percentage points within a size. Less would not be seen.
#
# ## Where it lives
#
# - Code: `simplexnas.measure.baselines`, `simplexnas.report.analysis` (hypervolume), `simplexnas.report.tables` (`hypervolumes`), `simplexnas.report.pages.learning` (this page's tables and figures).
# - Tests: `tests/test_pages_learning.py`, `tests/test_tables.py`, `tests/test_analysis.py`.
# - Data: `lattice.json` and `baselines.json` of the families `default`, and `lattice.json` of `random`, `paper` and `unit` of `data/published.json`, under `data/results`.
