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
# # Does S steer?
#
# *For readers who want to see the whole triangle, and not four points of it · needs {doc}`hypernetwork` · about 7 minutes*
#
# :::{admonition} In one minute
# :class: minute
# - Yes. As its penalty rises, an operation becomes rarer ({numref}`fig-triangle-maps`). Each of our trainings has about a dozen networks on its *front*: no other is better in both size and accuracy. But random worths steer as well: it is the form that steers, not what was learned.
# - S is a dial of size. Accuracy follows the convolutions in the reduction cell: without one the median of members is 87<!--=triangle.level.0--> %, with six or more 92<!--=triangle.level.4--> %. (We saw this on test images.)
# - For accuracy against size two of three single numbers that we tried do as well as the vector S with as many points. The vector has more points to offer, and with all of them more hypervolume.
# :::

# %% tags=["hide-input"] mystnb={"image": {"alt": "Four triangles of penalties, coloured in tiles: edges with pooling, identity and convolution, each most where the penalties on the others are large, and edge parameters, which are most where the penalty on convolutions is small. A to D are marked."}, "figure": {"caption": "What S does: edges with each operation, of 28, and edge parameters, means over our trainings. A corner is all the penalty on one operation; A to D: the author's points.", "name": "fig-triangle-maps"}}
import matplotlib.pyplot as plt
from IPython.display import HTML

from simplexnas.report import figures
from simplexnas.report.pages import as_html, triangle

figures.as_in_the_book()
triangle.maps()
plt.show()

# %% [markdown]
# The paper's claim ({cite}`firsov2024`, slide 7, our translation):
#
# > The method can obtain architectures of models by changing the vector of the complexity parameter, without the need for additional fine-tuning.
#
# Our families are trainings of the preset `default`. `simplexnas lattice` measured each at 231<!--=triangle.points--> points S, those whose components are multiples of 0.05: inherited weights, no fine-tuning, statistics of batch normalisation re-estimated. Several S give the same network: each of the five<!--=triangle.trainings--> trainings has 90<!--=triangle.networks.fewest--> to 113<!--=triangle.networks.most--> different ones.
#
# Most of them are not on the front, which has 10<!--=triangle.front.fewest--> to 12<!--=triangle.front.most--> ({numref}`fig-triangle-front`).
#
# (steering)=
# ## How well it steers
#
# The share of an operation should fall as its penalty rises. {numref}`tab-steering` has Spearman's rank correlation ρ of the two, and how many of the 28 edges change from a point S to its neighbours, where 0.05 moves from one penalty to another.
# −1 is out of reach, since a number of edges also depends on the other two penalties.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Steering over the lattice: ρ of each operation, edges that change from a point S to the next on average (and at most), and different networks. Random hypernetworks have our form, a worth minus a price, with random numbers as worths.", "name": "tab-steering"}}
HTML(as_html(triangle.steering_table()))

# %% [markdown]
# **Random worths steer nearly as well.** Steering is in the form, a worth minus a price ({ref}`our-form`), and not a result of training.
#
# **The published method steers nearly as well,** but in leaps of up to 15<!--=triangle.leap--> edges. There the price alone teaches it ({ref}`have-data-a-say`).
#
# ## All at once, or one after another?
#
# $\mathsf{Lat}$ is linear in the probabilities. Where it is least, every edge takes the operation of least penalty, and all edges change their mind at the same S: a switch, not a dial. {numref}`fig-triangle-switching` walks from the middle of a side, where convolutions have no penalty, to the corner where they bear all the penalty.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Step lines of the number of convolution edges against the penalty on convolutions: one falls from 28 to 0 at one third, the second from 14 to 0 at a quarter, the third gradually, the fourth within a short stretch around one third."}, "figure": {"caption": "Edges with a convolution as its penalty rises: at the minimum of the author's price alone, at that of a price with parameters, in one of our trainings, and in the published method as trained.", "name": "fig-triangle-switching"}}
triangle.switching()
plt.show()

# %% [markdown]
# **Worths that differ from edge to edge spread the switches:** the number falls between 0.01<!--=triangle.fall.ours.from--> and 0.55<!--=triangle.fall.ours.to--> in our training. In the published hypernetwork it falls within a short stretch, between 0.23<!--=triangle.fall.theirs.from--> and 0.37<!--=triangle.fall.theirs.to-->.
#
# (levels)=
# ## What accuracy follows
#
# In {numref}`fig-triangle-accuracy` the dark region on the left is that without a convolution on the right.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Two triangles of penalties in tiles. On the left test accuracy, with a dark region of low accuracy towards a large penalty on convolutions and a bright one elsewhere. On the right convolutions in the reduction cell, which are zero in the same dark region."}, "figure": {"caption": "Test accuracy, and convolutions on the 14 edges of the reduction cell, means over our trainings.", "name": "fig-triangle-accuracy"}}
triangle.accuracy_maps()
plt.show()

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The different networks of all our trainings, by convolutions in the reduction cell: their number, test accuracy in percent, and the smallest of them.", "name": "tab-levels"}}
HTML(as_html(triangle.levels_table()))

# %% [markdown]
# **The first convolution in the reduction cell counts most** ({numref}`tab-levels`): the median rises from 87<!--=triangle.level.0--> to 90<!--=triangle.level.1--> %. From there it rises more slowly, to 92<!--=triangle.level.4--> % with six or more.
#
# Each of these convolutions costs 11,968 parameters, as it stands in two cells. Our smallest member with one has 14,368<!--=triangle.with.smallest--> edge parameters. The paper's D has 12,320: one would fit into that, but S gives none of our families such a network.
#
# ## Accuracy against size
#
# The *front* holds the members that no other member beats in both size and validation accuracy; it is drawn with test accuracy.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Test accuracy against total parameters. Members without a convolution in the reduction cell, triangles, lie at 75 to 90 percent, those with one, circles, mostly at 90 to 92.5. The fronts of the trainings run closely together, from pooling everywhere at 86 percent with the fewest parameters to 92 percent. The paper's A to D lie below all of it."}, "figure": {"caption": "Every member of our families, the front of each training, the network that pools on every edge, and the paper's four models.", "name": "fig-triangle-front"}}
triangle.fronts()
plt.show()

# %% tags=["hide-cell"] mystnb={"code_prompt_show": "Three members of each training", "code_prompt_hide": "Hide the table", "figure": {"caption": "Three members of each training: test accuracy in percent, and edge parameters.", "name": "tab-notable"}}
HTML(as_html(triangle.notable_table()))

# %% [markdown]
# (pooling-everywhere)=
# **Pooling on every edge is more accurate than each of the paper's four models** ({numref}`fig-triangle-front`, {numref}`tab-notable`). It has no edge parameter at all; stem, preprocessing and classifier are trained even there. Our best member within B's size is ahead of the paper's B; 85<!--=triangle.covered.B--> % of that lead pooling has too. At D it is 79<!--=triangle.covered.D--> %, at A 49<!--=triangle.covered.A--> %, at C 31<!--=triangle.covered.C--> %.
#
# **The largest member is never the best.** That may come from sharing ({ref}`members-alone`).
#
# (one-number)=
# ## Why a vector? One number instead of two
#
# Two of the three penalties are free. A vector can say which cost counts ({ref}`problem-vector` has two members, one with fewer parameters, the other with fewer MACs). Would one number do?
#
# On each of three lines through the centre one penalty varies, and the other two are equal: 11<!--=triangle.line.points--> of the 231<!--=triangle.points--> points. We compare their *hypervolumes*: of a square of size and error, the part that a front dominates, the larger the better ({ref}`how it is measured <hypervolume>`).

# %% tags=["hide-input"] mystnb={"figure": {"caption": "What the points S can do, all of them or those of a line: hypervolume, ± standard deviation over trainings; test accuracy in percent of the member that is best on validation within a limit on MACs (12 million), and on the time of one image (4 ms, predicted, in PyTorch), – where some training has none. Last line: as many points as a line has, drawn from all S, means of 200 draws. Last column: for each training, on 1,001 points of the line, the networks within the limit on time that have a convolution in the reduction cell; we did not measure them.", "name": "tab-one-number"}}
table = triangle.one_number_table(triangle.one_number())
table = table.rename(columns={"fast": "reduction conv. within 4 ms"})
HTML(as_html(table))

# %% [markdown]
# **With as many points one number does as well, if it is the right one** ({numref}`tab-one-number`). The best of the three lines, chosen on validation images, has a hypervolume of 0.69<!--=triangle.line-->; as many points drawn from all S have 0.69<!--=triangle.line.drawn--> on average. All S have 0.70<!--=triangle.line.all-->: the vector has more members to choose from, and each can be had for the cost of a measurement.
#
# **Which number is right depends on the cost.** Where only the penalty on identity varies, the hypervolume is by far the smallest. Yet within 12 million MACs that line's member is at least as accurate as those of the other two, in the four trainings in which it has one.
#
# **Within limits on MACs and time no line is as good as all S.** Within those MACs the best line with a member in every training has 89.7<!--=triangle.line.macs--> %, all S have 90.6<!--=triangle.line.macs.all--> %. Within the limit on the time of one image (predicted, not measured) it is 86.6<!--=triangle.line.ms--> against 88.2<!--=triangle.line.ms.all--> %. Those are two limits, each tried alone.
#
# Another single number, such as a price along measured time, we did not try. What the paper's own method gains by a vector was not tested.
#
# ## What can go wrong
#
# - **Taking S for a dial of accuracy.** One set of weights serves all members, and those that training met seldom are trained least. In the family of seed 0 a member with identity on nearly every edge has 35,840<!--=triangle.least.size--> edge parameters and 75.5<!--=triangle.least--> %, the least of all.
# - **Comparing at the same S.** Another training gives another network there ({ref}`trainings-agree`).
# - **Few trainings.** Those of a kind differ in their seeds alone: five of ours, three of the published method.
#
# ## Where it lives
#
# - Code: `simplexnas.measure.lattice`, `simplexnas.report.analysis` (steering, fronts, hypervolume), `simplexnas.report.pages.triangle` (this page's tables and figures).
# - Tests: `tests/test_pages_triangle.py`, `tests/test_analysis.py`.
# - Data: `lattice.json` of the families `default` and `paper`, and `baselines.json` of `default`, of `data/published.json`, under `data/results`; the table of times `timed_table` under `data/latency`.
