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
# # The hypernetwork
#
# The hypernetwork turns penalties $S$ into logits $\alpha(S)$, three for each of the 28 edges.
# This chapter shows the published form, then ours, which is a closed form, then one training step, and the $S$ at which each edge of the trained family switches.

# %% [markdown]
# ## The paper's statement
#
# Slide 4 {cite}`firsov2024`, in our translation:
#
# > We propose to use a vector complexity parameter $S$, whose components are the regularisation coefficients of the corresponding operations.
# >
# > The hypernetwork generates the architecture parameters of the neural network from $S$.
#
# The slide does not give its form. The author's code {cite}`firsovcode` does.

# %% [markdown]
# ## The published form
#
# Each node of a cell has five pivots $P_i$, points in the space of $S$, and for each a table $T_i$ of logits for the edges that enter the node. There $\alpha(S) = \sum_i \omega_i(S)\, T_i$ with
# $\omega(S) = \mathrm{softmax}_i(+\lVert S - P_i \rVert^2)$. The sign is positive, so the *farthest* pivot weighs most. Pivots and tables are learned, and start from a standard normal distribution, so that pivots
# need not lie on the simplex. The author's Russian text {cite}`firsovtext` has a minus there, and pivots on the simplex; we follow the code. (This is the version of the code that has S as a vector, commit `0e7bf83`, with its configurations for three operations.) The `paper` preset keeps all of it.
#
# The smallest example: three pivots at the corners, and $S$ = (0.70, 0.15, 0.15).
# The squared distances are 0.3² + 2 · 0.15² = 0.135 to the first corner and 0.7² + 0.85² + 0.15² = 1.235 to the others.

# %%
import numpy as np
import torch
from scipy.optimize import minimize
from torch.nn.functional import one_hot

from simplexnas.family import Family
from simplexnas.methods import gumbel, objective, penalties
from simplexnas.methods.hypernetwork import (
    PivotHypernetwork,
    UtilityHypernetwork,
)
from simplexnas.methods.simplex import Schedule
from simplexnas.report import figures
from simplexnas.report.paper import PAPER
from simplexnas.space import cost
from simplexnas.space.operations import labels
from simplexnas.space.search_space import SearchSpace, genotype_edges

figures.as_in_the_book()
space = SearchSpace()
published = PivotHypernetwork(space, pivots=3)
published.pivots.data = torch.eye(3).expand(8, 3, 3)
published.tables.data = torch.eye(3)[:, None, :].expand(
    3, 28, 3
)  # the logits then are the weights themselves
weights = published(torch.tensor([[0.70, 0.15, 0.15]]))[0, 0].detach()
by_hand = (
    np.exp([0.135, 1.235, 1.235]) / np.exp([0.135, 1.235, 1.235]).sum()
)
assert np.allclose(weights, by_hand, atol=1e-6)
print("weights of the pivots:", by_hand.round(3))

# %% [markdown]
# Between pivots on the simplex weights differ by a factor of at most $e^2 \approx 7.4$, because squared distances there never exceed 2. Pivots farther out make sharper weights, and tables are not limited at all.
# So the form can express much. What it learns from the price alone, without an image, is in {ref}`without-images`; the trained one is in {doc}`published_method`.

# %% [markdown]
# ## Our form: utility minus price
#
# What should one edge do, if operation $m$ earns a utility $u_m$ and costs a price $c_m(S)$? Choose probabilities $p$ that minimise
#
# $$\sum_m p_m \big(c_m(S) - u_m\big) - \frac{1}{g} H(p), \qquad H(p) = -\sum_m p_m \log p_m .$$ (eq-edge)
#
# The answer has a closed form, $p = \mathrm{softmax}(g\,(u - c(S)))$. So we take $\alpha = g\,(u - c(S))$, and learn only $u$, one number per edge and operation.
# Setting the derivative to zero, with a multiplier for $\sum_m p_m = 1$, gives $\log p_m = g(u_m - c_m) + \text{const}$, which is that softmax.
#
# On edge $e$ the price is $c_{em}(S) = S_m + 0.4\, q_{em}$, where $q_{em}$ is the operation's number of parameters on this edge over the largest of any operation on any edge.
# Where {doc}`time_price` sets another price, $S_m$ is multiplied by a relative cost of $m$ on this edge.
# With an entropy weight $\tau$ the edge would minimise $\kappa \sum_m p_m (c_m - u_m) - \tau H(p)$; divide by $\kappa$, and this is {eq}`eq-edge` with $g = \kappa/\tau$. During the *warm-up*, the first fifth of the training, $\kappa$ and with it the gain rise from 0, the gain to 40.
# The training loss itself has no entropy term: the problem of one edge only motivates the form.
#
# The utilities are not free. For each cell type and operation they are centred over the edges, scaled to a standard deviation of at most 0.15, and cut off at
# 1.6 standard deviations. So S decides *how many* edges switch; *which* switch first is left to training, and three trainings agree on it only weakly
# ({ref}`trainings-agree`). Two utilities differ by at most 0.48, so that an operation whose penalty is larger by more than that, and whose parameters are not fewer, is never chosen. B has no
# convolution for this reason. We set 0.15, 1.6 and 0.4 by hand, from the counts of operations alone.
#
# A numerical minimiser, which knows nothing of softmax, finds the same probabilities.

# %%
S, gain = penalties.parse("0.2, 0.3, 0.5", space.operations), 40.0
utility = np.array([0.0, 0.05, 0.2])
prices = cost.price(torch.tensor(S)[None], space, parameter_price=0.4)[
    0, 0
].numpy()
closed = (
    np.exp(gain * (utility - prices))
    / np.exp(gain * (utility - prices)).sum()
)


def edge_objective(free: np.ndarray) -> float:
    """The objective of one edge; p: normalised squares of `free`."""
    p = free**2 / (free**2).sum()
    return p @ (prices - utility) + (p @ np.log(p)) / gain


found = minimize(edge_objective, np.ones(3), tol=1e-12).x
found = found**2 / (found**2).sum()
assert np.allclose(found, closed, atol=1e-3)
print("closed form:", closed.round(2), " minimiser:", found.round(2))

# %% [markdown]
# ## The library's function
#
# At the first step the gain is 0, so that every $S$ starts from the uniform distribution. The utilities start at 0 too.

# %%
family = Family.load("default-seed0")
ours = UtilityHypernetwork(
    space,
    spread=family.config.spread,
    parameter_price=family.config.parameter_price,
)
start, end = (
    Schedule.at(family.config, 0.0),
    Schedule.at(family.config, 1.0),
)
some_S = penalties.sample(
    1000, space.k, generator=torch.Generator().manual_seed(0)
)
uniform = torch.softmax(start.gain * ours(some_S), dim=-1)
assert uniform.shape == (1000, 28, 3) and torch.allclose(
    uniform, torch.tensor(1 / 3)
)
print(f"gain {start.gain:g} at the start, {end.gain:g} at the end")

# %% [markdown]
# ## One training step
#
# Draw one $S$; a quarter of the time from Dirichlet(1/2), which visits the sides of the triangle more often, else uniformly.
# Draw two *paths* from $\mathrm{softmax}(\alpha(S))$: architectures with one operation on each edge. Each sees its half of the batch.
#
# - The weights $w$ follow the gradient of the cross-entropy. Only the chosen operations run.
# - The utilities follow $\kappa\,\mathsf{Lat}$, which has an exact gradient, and for the cross-entropy the *score-function estimate* {cite}`williams1992`: the operations of a path become likelier in proportion to how much lower its loss is than a reference, the *baseline*. Here the baseline is the other path's loss {cite}`kool2019`, so that the estimate has no bias.
#
# The gradient of $\mathsf{Lat}$ need not be estimated from the paths: the exact one costs nothing. To see what that saves, here is the gradient at B with the published price
# and uniform probabilities, exact and as estimated from two paths, 2,000 times. *Noise* is how far one estimate is off: the standard deviation of each component over the 2,000 estimates, all together as a norm.

# %%
logits = torch.zeros(1, 28, 3, dtype=torch.float64, requires_grad=True)
B = torch.tensor([PAPER["B"][0]], dtype=torch.float64)
prices = cost.price(B, space)
lat = cost.price_term(torch.softmax(logits, dim=-1), prices, space)
(exact,) = torch.autograd.grad(lat.sum(), logits)
random = torch.Generator().manual_seed(0)
estimates = []
for _ in range(2000):
    choices = gumbel.hard_sample(logits.expand(2, -1, -1), random)
    chosen = one_hot(choices, 3).double()
    lats = cost.price_term(chosen, prices.expand(2, -1, -1), space)
    term = objective.score_function_term(
        lats,
        objective.log_probability(logits, choices),
        objective.leave_one_out(lats),
    )
    estimates += torch.autograd.grad(term, logits)
estimates = torch.cat(estimates)
error = (estimates.mean(dim=0) - exact[0]).norm() / exact.norm()
noise = estimates.std(dim=0).norm() / exact.norm()
assert error < 4 * noise / 2000**0.5, "the estimate has no bias"
print(
    f"noise of one estimate: {noise:.1f} times the norm of the exact "
    f"gradient; the mean of all differs by {error:.2f}, chance alone "
    f"gives {noise / 2000**0.5:.2f}"
)

# %% [markdown]
# After 60 % of the steps the utilities stay as they are, and only the weights learn on, with paths whose probabilities depend on $S$ alone.
# The network used for $S$ takes the likeliest operation on every edge; training still draws others: at gain 40, an edge whose two best operations differ by 0.02 in utility minus price
# draws the second 31 % of the time, if the third is far behind.
# Muon {cite}`jordan2024muon` trains the matrices of the 1×1 convolutions: it brings the singular values of each step near 1, and scales it
# as {cite}`liu2025muon`. AdamW trains everything else, and images are flipped at random. Every setting is in `data/families/default-seed0/family.json`.
#
# Other estimators of the cross-entropy's gradient are settings of a search: straight-through, ReinMax {cite}`liu2023reinmax`, and the relaxed mixtures of the paper.
# So is the sandwich rule, where the largest network teaches the others {cite}`yu2019universally`.

# %% [markdown]
# ## Where an edge changes its mind
#
# An edge takes the operation with the least $S_m - v_m$, where $v_m$ is its utility minus the part of the price that does not depend on $S$.
# All three tie at **one** point of the plane, $S_m = v_m + (1 - \sum_i v_i)/3$. Three straight borders leave it.
# So 28 points describe the discrete side of the whole family.

# %%
with torch.no_grad():
    v = (
        family.model.hypernetwork.scaled_utility()
        - cost.price(torch.zeros(1, 3), space, ours.parameter_price)[0]
    ).numpy()
points = v + (1 - v.sum(axis=1, keepdims=True)) / 3

lattice = penalties.lattice(space.k, 0.05)
by_points = (lattice[:, None, :] - points).argmin(axis=-1)
by_family = np.array([family.architecture(S).operations for S in lattice])
assert np.array_equal(by_points, by_family)
print(
    f"{by_family.size:,} choices on {len(lattice)} lattice points agree, "
    f"{len(np.unique(by_family, axis=0))} architectures"
)

# %% mystnb={"image": {"alt": "Triangle with one marker for each edge, scattered around the centre; from one marker three straight lines run to the sides."}, "figure": {"caption": "The point at which each edge of the trained family is indifferent, and the borders of one edge: it takes pooling below its point, convolution to the left, identity to the right. Points outside the triangle are not drawn.", "name": "fig-triple-points"}}
kinds = np.array([edge.cell_type for edge in genotype_edges(space)])
triangle = figures.indifference_points(
    {
        f"{kind} cell": points[kinds == kind]
        for kind in ("normal", "reduction")
    },
    figures.simplex(labels(space.operations)),
)
triangle = figures.simplex_points(
    {name: S for name, (S, *_) in PAPER.items()}, triangle
)

# %% [markdown]
# Raise $S_m$ and keep the ratio of the others, and an edge that left $m$ never returns to it. We walk from each side to the opposite corner and count.

# %%
for m, name in enumerate(space.operations):
    walk = [
        np.where(np.arange(3) == m, s, (1 - s) / 2)
        for s in np.linspace(0, 1, 21)
    ]
    counts = [family.architecture(S).operations.count(m) for S in walk]
    assert counts == sorted(counts, reverse=True)
    print(
        f"edges with {name:<12} as its penalty goes from 0 to 1: "
        f"{counts[0]} … {counts[10]} … {counts[-1]}"
    )

# %% [markdown]
# ## What can go wrong
#
# - **Steering comes from the form.** The counts fall with the penalty whatever was learned. Random utilities steer as well ({ref}`steering`).
# - **The spread is set by hand.** Utilities are centred over the edges of a cell type and scaled to a standard deviation of at most 0.15. A smaller one packs the points together, and the family becomes the control with ties broken by parameters; a larger one pushes points out of the triangle.
# - **Centring takes away a freedom.** The data cannot say "convolutions are better everywhere", nor "better in the normal cell"; only $S$ and the price can.
# - **Edges do not talk.** A region is decided edge by edge. The form cannot express "this convolution only if that one is gone".
