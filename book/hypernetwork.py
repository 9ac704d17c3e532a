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
# # How does S become a network?
#
# *For readers who know what a softmax is · needs {doc}`problem`, {doc}`supernet` · about 8 minutes*
#
# :::{admonition} In one minute
# :class: minute
# - The hypernetwork turns a vector $S$ into three logits for each of the 28 edges. The published one mixes tables of logits that it learns by gradient. Ours is a formula: what an operation is *worth* to the network, by the losses of random paths, minus its price under $S$.
# - How much worth weighs against price follows from the worths. In each of our five trainings $S$ then leads from no edge parameter at all to at least 142,848<!--=hypernetwork.own.largest-->, of 178,752 possible ({numref}`fig-reach`).
# - With this form, all that $S$ does to an edge is set by one point of the plane ({numref}`fig-triple-points`). So 28 points say which network every $S$ gives.
# - What the data say is coarse. A convolution is worth more in the reduction genotype than in the normal one. On which edge of a genotype it is worth most, they hardly say.
# :::

# %% tags=["hide-input"] mystnb={"image": {"alt": "Triangle of penalties with a marker for each edge, scattered over its middle. From one marker near the centre three straight lines run to the sides and divide the triangle into a part where that edge takes pooling, below, one for identity, right, and one for convolution, left."}, "figure": {"caption": "Each mark is an edge of a trained family: at this S its three operations tie. For one edge, in colour and by name, what it takes at every other S. Edges whose point lies outside the triangle have no mark. A to D: the author's S.", "name": "fig-triple-points"}}
import matplotlib.pyplot as plt
from IPython.display import HTML

from simplexnas.report import figures
from simplexnas.report.pages import hypernetwork

figures.as_in_the_book()
hypernetwork.triple_points()
plt.show()

# %% [markdown]
# ## The paper's statement
#
# Slide 4 {cite}`firsov2024`, in our translation:
#
# > We propose to use a vector complexity parameter $S$, whose components are the regularisation coefficients of the corresponding operations.
# >
# > The hypernetwork generates the architecture parameters of the neural network from $S$.
#
# (published-form)=
# ## The published form
#
# The slides do not give it, the author's code {cite}`firsovcode` does. Each node of a cell has five *pivots* $P_i$, points in the space of $S$, and for each a table $T_i$ of logits for the edges that enter the node:
#
# $$\alpha(S) = \sum_i \omega_i(S)\, T_i, \qquad \omega(S) = \mathrm{softmax}_i\big({+\lVert S - P_i \rVert^2}\big).$$ (eq-pivots)
#
# **The sign is positive, so the *farthest* pivot weighs most.** The smallest example ({numref}`tab-pivots`): three pivots at the corners, and C, where most of the penalty is on pooling.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Weights of pivots at the corners, for C, S = (0.70, 0.15, 0.15).", "name": "tab-pivots"}}
HTML(hypernetwork.pivots_table().to_html(index=False, border=0))

# %% [markdown]
# Pivots and tables are learned by gradient, and start from a standard normal distribution: a pivot need not lie on the simplex. The author's Russian text {cite}`firsovtext` has a minus in {eq}`eq-pivots`, and pivots on the simplex; we follow the code. (This is the version of the code that has S as a vector, commit `0e7bf83`, with its configurations for three operations.) The `paper` preset keeps all of it.
#
# Between pivots on the simplex weights differ by a factor of at most $e^2 \approx 7.4$, because squared distances there never exceed 2. Pivots farther out make sharper weights, and nothing limits the tables. So the form can express much. What it learns from the price alone, without an image, is in {ref}`without-images`; the trained one is in {ref}`have-data-a-say`.
#
# (our-form)=
# ## Our form: worth minus price
#
# Train for a while with random operations. The *worth* $u$ of an operation on an edge is by how much it then lowers the loss, compared with the mean of the edge's three operations. Its unit is the *nat*, that of a cross-entropy with natural logarithm.
#
# The logits are a gain times worth minus price, both in units of $S$ ({numref}`tab-symbols` has the symbols):
#
# $$\alpha_m(S) = g\,\big(v_m - c_m(S)\big), \qquad v_m = \frac{u_m}{\kappa\, n_e}, \qquad c_m(S) = S_m + \lambda\, q_m .$$ (eq-worth)
#
# :::{table} The symbols of {eq}`eq-worth`, and their values in the preset `default`.
# :name: tab-symbols
#
# | symbol | what it is | value |
# |---|---|---|
# | $u_m$ | worth: nats by which the operation lowers the loss, in all cells of the edge | {numref}`fig-worths` |
# | $n_e$ | cells that hold the edge | 1 or 2 |
# | $\kappa$ | nats that a unit of price weighs | by a rule, {eq}`eq-kappa`; here 0.0160<!--=hypernetwork.kappa--> |
# | $q_m$ | parameters in a cell, on average, over the largest number, 5,984<!--=hypernetwork.largest-->. Of a convolution 1 in the reduction genotype, 0.13<!--=hypernetwork.share.normal--> in the normal one; of an identity with stride 2, 0.43<!--=hypernetwork.share.identity--> | 0 to 1 |
# | $\lambda$ | price of the largest number of parameters | 1<!--=hypernetwork.parameter_price--> |
# | $g$ | gain: how clear the choice is while training draws | 400<!--=hypernetwork.gain--> |
# | $\tau$ | weight of the entropy below, in nats | $\kappa / g$ |
# :::
#
# Worths come from the losses of random paths, by a regression that also gives their standard errors ({ref}`training-worth`). The network for $S$ takes the largest logit on every edge.
#
# **Why this form?** If effects of operations add up, each edge has a problem of its own: to choose probabilities $p$. The expected loss falls by $\sum_m p_m u_m$; the price, with $c_m$ in place of the paper's $S_m$, costs $\kappa\, n_e \sum_m p_m c_m$; and a little entropy $H(p) = -\sum_m p_m \log p_m$ keeps the choice open while training draws. So minimise
#
# $$\sum_m p_m \big(\kappa\, n_e\, c_m(S) - u_m\big) - \tau\, n_e\, H(p) .$$ (eq-edge)
#
# Divide by $\tau n_e$, and set the derivative to zero, with a multiplier for $\sum_m p_m = 1$: then $\log p_m = g\,\big(v_m - c_m(S)\big) + \text{const}$ with $g = \kappa/\tau$.
# That is a softmax, and {eq}`eq-worth` has its logits. Exercise 1 finds the same numerically.
#
# (kappa-by-a-rule)=
# ## κ by a rule
#
# Penalties go up to 1, worths are some thousandths of a nat. $\kappa$ is the exchange rate, and follows from the worths: it is such that the root mean square of $v$ is the *spread* $\sigma$, 0.3<!--=hypernetwork.spread--> in units of $S$:
#
# $$\kappa = \frac{1}{\sigma} \sqrt{\frac{1}{E k} \sum_{e,\,m} \Big(\frac{u_{em}}{n_e}\Big)^2} .$$ (eq-kappa)

# %% tags=["hide-input"] mystnb={"image": {"alt": "Edge parameters against κ from 0.0025 to 0.1 nats on a logarithmic scale, with two bundles of lines. The smallest member falls from more than 150,000 to 0 at about 0.01; the largest stays near 178,000 until about 0.015, then falls to about 50,000. Marks, at the κ by the rule, lie where the one has fallen, and the other still stands high."}, "figure": {"caption": "The smallest and the largest member of our families on the lattice, if κ were another, a line for each family. Marks: κ by the rule. Convolutions only have 178,752. Computed from the worths alone.", "name": "fig-reach"}}
hypernetwork.reaches()
plt.show()

# %% [markdown]
# **With a small $\kappa$ no network is small, with a large one none is large** ({numref}`fig-reach`). If $\kappa$ were half as large, the smallest members would have 6,720<!--=hypernetwork.half.smallest--> edge parameters or more. Were it twice as large, no member would have more than 94,976<!--=hypernetwork.twice.largest-->. By the rule the smallest member of each family has at most 0<!--=hypernetwork.own.smallest-->, the largest at least 142,848<!--=hypernetwork.own.largest-->.
#
# **Why a rule, and not one number?** What a regression finds depends on data, length of training, and noise. Our 5<!--=hypernetwork.families--> trainings, which differ in their seeds alone, have $\kappa$ from 0.0140<!--=hypernetwork.kappa.least--> to 0.0162<!--=hypernetwork.kappa.most-->; the digits of {ref}`training-miniature` have one about three times as large. By the rule only the *proportions* of worths matter: multiply all by a number, and every $S$ gives the network it gave.
#
# (worth-in-nats)=
# ## What each operation is worth

# %% tags=["hide-input"] mystnb={"image": {"alt": "Two panels with 14 edges each and the worth of their three operations. In the normal genotype they lie around zero, and the error bars of an edge mostly overlap. In the reduction genotype the convolutions lie to the right of zero, most pooling and identity to the left."}, "figure": {"caption": "What one training found each operation to be worth, ± standard error; 0 is the mean of an edge. An edge leads from node to node; c-2 and c-1 are a cell's inputs. A reduction edge stands in two cells.", "name": "fig-worths"}}
hypernetwork.worths()
plt.show()

# %% [markdown]
# **A convolution is worth more in the reduction genotype,** 0.0155<!--=hypernetwork.worth.reduction--> nats on average, than in the normal one, 0.0039<!--=hypernetwork.worth.normal-->. Divided by the two cells of a reduction edge that is still more, 0.0078<!--=hypernetwork.worth.cell--> for each.
#
# **In the normal genotype most worths are within their errors.** Of all there, of whatever operation, 0<!--=hypernetwork.clear.normal--> is more than two standard errors from zero; by chance alone about two would be. Of the 14 worths of a convolution on reduction edges, 14<!--=hypernetwork.clear.reduction--> are.
#
# So another training may see another value in the normal genotype. Over all families the mean worth of a convolution lies between 0.0013<!--=hypernetwork.normal.least--> and 0.0039<!--=hypernetwork.normal.most--> nats there; in the reduction genotype it is at least 0.0138<!--=hypernetwork.reduction.least-->.
#
# **Edges of a genotype are hardly told apart.** The regression takes them to be alike unless the losses say otherwise ({ref}`training-worth`), and those of 1,546<!--=hypernetwork.paths--> paths hardly do. Take one operation on two edges: of 546<!--=hypernetwork.pairs--> such pairs, 0<!--=hypernetwork.apart--> differ in worth by more than two standard errors. (For a difference these errors are rather too large, as both contain that of what the edges have in common.) So the losses say what a convolution is worth in each genotype, and not on which edge it is worth most ({ref}`trainings-agree`).
#
# ## Where an edge changes its mind
#
# An edge takes the operation with the least $S_m - b_m$, where $b_m = v_m - \lambda q_m$ is what $S$ does not change. All three tie at **one** point of the plane,
#
# $$S_m = b_m + \big(1 - \textstyle\sum_i b_i\big)/3 ,$$ (eq-point)
#
# and three straight borders leave it ({numref}`fig-triple-points`). So 28 points say which network every $S$ gives (second exercise), 94<!--=hypernetwork.networks--> different ones on the lattice. Where a point lies outside the triangle (here 0<!--=hypernetwork.outside-->), its edge has an operation that it never takes.
#
# **Counts fall, and never rise again.** Walk from the middle of a side to the opposite corner. As $S_m$ rises and the others keep their ratio, $S_m - b_m$ rises and the other two fall. So an edge that has left $m$ does not return.
#
# **Worth against parameters.** Lower the penalty on convolutions, and keep the other two equal ({numref}`tab-order`). In a reduction cell a convolution is worth more, but has on average 7.5<!--=hypernetwork.times--> times the parameters. Here 10<!--=hypernetwork.before--> of the 14 normal edges take theirs before any reduction edge does.

# %% tags=["hide-cell"] mystnb={"code_prompt_show": "Edges in the order in which they take a convolution", "code_prompt_hide": "Hide the table", "figure": {"caption": "Edges in the order in which they take a convolution as its penalty falls: the first three of 28, the first reduction edge, and the last. By how much it is ahead of the better other operation in worth, and what its parameters cost more, in one cell and in units of S; and the largest penalty at which it is taken, the other two being equal.", "name": "tab-order"}}
HTML(hypernetwork.order_table().to_html(index=False, border=0))

# %% [markdown]
# ## Exercises
#
# **1. Is it the minimum?** Invent an edge in two cells: worths, $S$, $\kappa$ and a gain, without a price of parameters. Minimise {eq}`eq-edge` with an optimiser that knows nothing of softmax. Does {eq}`eq-worth` agree?

# %% tags=["hide-input"] mystnb={"code_prompt_show": "Solution", "code_prompt_hide": "Hide the solution"}
import numpy as np
from scipy.optimize import LinearConstraint, minimize
from scipy.special import entr, softmax

kappa, gain, cells = 0.0125, 10, 2
u, S = np.array([-0.004, -0.004, 0.008]), np.array([0.2, 0.3, 0.5])
net, tau = kappa * cells * S - u, kappa / gain
found = minimize(
    lambda p: 1000 * (p @ net - tau * cells * entr(p).sum()),
    np.full(3, 1 / 3),
    bounds=3 * [(1e-6, 1)],
    constraints=LinearConstraint(np.ones(3), 1, 1),
)
expected = softmax(gain * (u / (kappa * cells) - S))
assert np.allclose(found.x, expected, atol=1e-3)

# %% [markdown]
# **2. A family in 28 points.** Compute the points of the trained family by {eq}`eq-point`. From them alone, which operation has every edge at the 231 points of the lattice? Compare with the library's networks.

# %% tags=["hide-input"] mystnb={"code_prompt_show": "Solution", "code_prompt_hide": "Hide the solution"}
import torch

from simplexnas import Family
from simplexnas.methods import penalties
from simplexnas.report import published

family = Family.load(published.DEFAULT[0])
with torch.no_grad():  # without penalties b is left
    b = family.model.hypernetwork(torch.zeros(1, 3))[0].numpy()
points = b + (1 - b.sum(axis=1, keepdims=True)) / 3

lattice = penalties.lattice(3, 0.05)
taken = (lattice[:, None] - points).argmin(axis=-1)  # (231, 28)
networks = [family.architecture(S).operations for S in lattice]
assert np.array_equal(taken, networks)

# %% [markdown]
# ## What can go wrong
#
# - **Steering comes from the form.** Counts fall with the penalty whatever stands in the place of worth; random numbers steer as well ({ref}`steering`).
# - **Effects need not add up.** {eq}`eq-edge` and the regression assume that an operation lowers the loss by its worth, whatever the other edges do. Worths are also those of a warm-up: of weights that have seen little and that all paths share.
# - **Edges do not talk.** The form cannot express "this convolution only if that one is gone".
# - **Noise is scaled up too.** Worths that are noise alone get the same spread from the rule, and steer as well. Their standard errors say so, and whether choosing by them helps is measured in {ref}`own-weights`.
# - **Spread and price of parameters are set by hand,** after trials on validation images. Half and twice the spread are in {doc}`ablation`.
#
# ## Where it lives
#
# - Code: `simplexnas.methods.hypernetwork` (`PivotHypernetwork`, `WorthHypernetwork`), `simplexnas.methods.regression` (worth), `simplexnas.space.cost` (price), `simplexnas.report.pages.hypernetwork` (this page's figures and tables).
# - Tests: `tests/test_hypernetwork.py`, `tests/test_simplex.py`, `tests/test_regression.py`, `tests/test_cost.py`, `tests/test_pages_hypernetwork.py`.
# - Data: the families of `default` in `data/published.json`, under `data/families`; their `family.json` has every setting.
