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
# # The supernet
#
# The supernet holds every candidate operation on every edge, and an architecture picks one per edge.
# This chapter counts the edges, decodes the paper's parameter column to the last digit, and shows how an operation is drawn.

# %% [markdown]
# ## The paper's statement
#
# Slide 5 {cite}`firsov2024`, in our translation:
#
# > The model consists of three cells, with 4 vertices in each.
# >
# > During training the temperature of the Gumbel-Softmax distribution was lowered from 1 to 0.2.
#
# What the slides leave open we take from the author's code {cite}`firsovcode`, which follows DARTS {cite}`liu2019darts`: a cell has two input nodes and four intermediate nodes. Its
# inputs are the outputs of the two cells before it, or of the first convolution, the *stem*, where there is none. Each intermediate node sums one edge from every node before it. That makes 2 + 3 + 4 + 5 = 14 edges. The cell's output is its four nodes, concatenated; a reduction cell halves the image and
# doubles the channels.
#
# Unlike in DARTS no edge is ever dropped: there is no zero operation, and the discrete cell keeps all 14 edges, one operation each.

# %%
import itertools
import math

import numpy as np
import torch
from torch import nn

from simplexnas.methods import gumbel
from simplexnas.network.architecture import Architecture
from simplexnas.report import figures
from simplexnas.report.paper import DECODED, PAPER, decoded_macs
from simplexnas.space import cost
from simplexnas.space.operations import labels
from simplexnas.space.search_space import (
    SearchSpace,
    cell_edges,
    cell_layouts,
    genotype_edges,
)

figures.as_in_the_book()
space = SearchSpace()
edges = genotype_edges(space)
assert len(cell_edges(space)) == 2 + 3 + 4 + 5
print(
    f"{len(edges)} genotype edges, {cost.instances(space).sum()} edges in "
    "the network"
)
for layout in cell_layouts(space):
    print(
        f"{layout.cell_type:<9} cell: {layout.channels} channels, output "
        f"{layout.output_size} x {layout.output_size}"
    )

# %% [markdown]
# A *genotype* lists the operations on the 14 edges of a cell. The two reduction cells share one. So an architecture decides 14 + 14 = **28 genotype edges**, and the network holds 14 + 2 · 14 = **42 edges**.
# This is why each column of the paper's table sums to 28.

# %% [markdown]
# ## What an operation costs
#
# *Pooling* averages 3 × 3 pixels and has no parameters. A *separable convolution* is twice the sequence rectifier, depthwise 3 × 3, pointwise 1 × 1, batch normalisation: $2(9C + C^2)$ weights.
# An *identity* is free, except on the 8 edges that leave an input node of the reduction genotype: there it halves the image by two 1 × 1 convolutions, one of the even and one of the odd pixels,
# with $C^2$ weights in all. Normalisations inside the cells have no scale and shift.
#
# | | normal, $C$ = 16 | reduction, $C$ = 32 and 64 |
# |---|---|---|
# | separable convolution | 2(144 + 256) = **800** | 2(288 + 1,024) + 2(576 + 4,096) = **11,968** |
# | identity with stride 2 | – | 1,024 + 4,096 = **5,120** |
#
# The library's table comes from such formulas. A second route builds two networks that differ in one edge, and counts.

# %%
POOL, IDENTITY, CONVOLUTION = range(3)
table = cost.edge_parameters(space)
normal, reduction = (
    edges.index(("normal", 2, 0)),
    edges.index(("reduction", 2, 0)),
)


def parameters(choice: dict[int, int]) -> int:
    """Parameters built: pooling but at the edges of `choice`."""
    network = Architecture(
        space, tuple(choice.get(e, POOL) for e in range(len(edges)))
    ).build()
    return sum(parameter.numel() for parameter in network.parameters())


fixed = parameters({})
assert fixed == cost.fixed_parameters(space)
for edge, operation in (
    (normal, CONVOLUTION),
    (reduction, CONVOLUTION),
    (reduction, IDENTITY),
):
    counted = parameters({edge: operation}) - fixed
    assert counted == table[edge, operation]
    print(
        f"{edges[edge].cell_type:<9} {space.operations[operation]:<12} "
        f"{counted:>6,}"
    )
print(f"the fixed rest {fixed:>15,}")

# %% [markdown]
# ## The paper's table, decoded
#
# The slide gives parameters and numbers of operations. Let $x$ and $y$ be the numbers of convolutions in the normal and the reduction genotype, and $z$ that of identities with stride 2.
# We try every $(x, y, z)$ with $800x + 11968y + 5120z$ equal to the paper's count and $x + y$ equal to its convolutions.
# Each row has exactly one solution, so **the paper counts the parameters of the chosen edge operations only**.
# We call them *edge parameters*. *Total parameters* add the fixed 20,506: stem 528, 1×1 convolutions at the cells' inputs 17,408, classifier 2,570.

# %%
macs = cost.edge_macs(space)
for part in (slice(0, 14), slice(14, 28)):
    assert all(
        len(np.unique(costs_of[part, CONVOLUTION])) == 1
        for costs_of in (table, macs)
    )  # any edge will do
unit = np.array(
    [
        [
            t[normal, CONVOLUTION],
            t[reduction, CONVOLUTION],
            t[reduction, IDENTITY],
        ]
        for t in (table, macs)
    ]
)
costs = {}
for name, (_, _, published, operations) in PAPER.items():
    candidates = itertools.product(range(15), range(15), range(9))
    solutions = [
        counts
        for counts in candidates
        if unit[0] @ counts == published
        and sum(counts[:2]) == operations["convolution"]
        and counts[2] <= operations["identity"]
    ]
    assert solutions == [DECODED[name]]
    x, y, z = DECODED[name]
    costs[name] = (
        published + fixed,
        int(unit[1] @ (x, y, z)) + cost.fixed_macs(space),
    )
    total, total_macs = costs[name]
    assert total_macs == decoded_macs(name)
    print(
        f"{name} {published:>7,} = {x}·800 + {y:>2}·11,968 + {z}·5,120",
        end="  ",
    )
    print(f"total {total:>7,}  {total_macs / 1e6:5.2f} M MACs")

# %% [markdown]
# B has no convolution in the table, yet all its 5,120 parameters are convolutions: they sit in one "identity" with stride 2.
#
# MACs are multiply-accumulates per image. The formula says parameters times output pixels.
# A second route hooks every layer of a built network and multiplies what it sees.

# %%
network = (
    Architecture(space, tuple(e % 3 for e in range(len(edges))))
    .build()
    .eval()
)
seen = []
for module in network.modules():
    if isinstance(module, nn.Conv2d | nn.Linear):
        module.register_forward_hook(
            lambda layer, _, out: seen.append(
                layer.weight.numel() * out[0, 0].numel()
            )
        )
network(torch.zeros(1, 1, 28, 28))
assert sum(seen) == Architecture(space, network.operations).macs
print(
    f"{sum(seen):,} MACs by both routes, with the three operations in turn"
)

# %% [markdown]
# D has fewer parameters than A and more MACs, because its convolutions work on large images. Parameters are no stand-in for latency here.

# %% mystnb={"image": {"alt": "Scatter plot of MACs against total parameters of A, B, C and D. D lies left of A and above it."}, "figure": {"caption": "Total parameters and MACs of the paper's four models, both computed from the decoded table.", "name": "fig-parameters-macs"}}
assert costs["D"][0] < costs["A"][0] and costs["D"][1] > costs["A"][1]
ax = figures.parameters_and_macs(costs)

# %% [markdown]
# ## Drawing operations: Gumbel-Softmax
#
# Add independent Gumbel noise $G_m$ to the logits of an edge and take $\mathrm{softmax}((\alpha + G)/t)$ {cite}`jang2017,maddison2017`.
# The largest component is operation $j$ with probability $\mathrm{softmax}(\alpha)_j$, **at every $t$**: the temperature moves the sample within the triangle, not across the borders between operations.

# %%
logits = torch.tensor([1.0, 0.0, 0.5])
expected = torch.softmax(logits, dim=0)
clouds = {}
for t in (1.0, 0.2):
    samples = gumbel.gumbel_softmax(
        logits.expand(100_000, 3), t, torch.Generator().manual_seed(0)
    )
    frequencies = samples.argmax(dim=1).bincount(minlength=3) / len(samples)
    assert torch.allclose(frequencies, expected, atol=0.01)
    clouds[f"t = {t:g}"] = samples[:600].numpy()
hard = gumbel.hard_sample(
    logits.expand(100_000, 3), torch.Generator().manual_seed(1)
)
assert torch.allclose(
    hard.bincount(minlength=3) / len(hard), expected, atol=0.01
)
print("softmax:", [round(p, 2) for p in expected.tolist()])

# %% mystnb={"image": {"alt": "Two triangles of samples. At t = 1 they fill the triangle; at t = 0.2 most lie near the three corners. The colours have the same shares in both."}, "figure": {"caption": "Gumbel-Softmax samples at the first and the last temperature of the paper, coloured by their largest component.", "name": "fig-gumbel"}}
triangles = figures.mixture_clouds(clouds, labels(space.operations))

# %% [markdown]
# The author's Russian text {cite}`firsovtext` states as a theorem that as $t \to 0$ a sample tends to the corner of the largest logit, and that its mean at $t$ is $\mathrm{softmax}(\alpha/t)$. Neither holds.
#
# As $t \to 0$ a sample tends to a *random* corner, drawn from $\mathrm{softmax}(\alpha)$.
# For any continuous $f$, then, $\mathbb{E} f(\gamma(t)) \to \sum_j \mathrm{softmax}(\alpha)_j f(\delta_j)$, with $\delta_j$ the corner of operation $j$.
#
# At $t > 0$ the mean of a sample is in general neither $\mathrm{softmax}(\alpha)$ nor $\mathrm{softmax}(\alpha/t)$.
# For two operations, $t = 1$ and $d = \alpha_1 - \alpha_2 = 2$ it is $e^d (e^d - 1 - d)/(e^d - 1)^2$: 0.7945 against 0.8808.
# Sampling agrees.

# %%
d = 2.0
formula = math.exp(d) * (math.exp(d) - 1 - d) / (math.exp(d) - 1) ** 2
pair = gumbel.gumbel_softmax(
    torch.tensor([d, 0.0]).expand(400_000, 2),
    1.0,
    torch.Generator().manual_seed(0),
)
assert abs(pair[:, 0].double().mean().item() - formula) < 0.002
tiny = gumbel.gumbel_softmax(
    torch.tensor([d, 0.0]).expand(400_000, 2),
    0.01,
    torch.Generator().manual_seed(0),
)
assert (
    abs(
        tiny[:, 0].double().mean().item()
        - torch.sigmoid(torch.tensor(d)).item()
    )
    < 0.002
)
print(
    f"mean at t = 1: {formula:.4f}; softmax, the limit as t goes to 0: "
    f"{1 / (1 + math.exp(-d)):.4f}"
)

# %% [markdown]
# The `default` preset trains on hard samples, so $t$ matters only in the `paper` preset and in the relaxed measurements of {doc}`experiments` and {doc}`published_method`.

# %% [markdown]
# ## What can go wrong
#
# - **The pooling.** The slides say "pooling", the author's code {cite}`firsovcode` averages, and his later texts {cite}`firsovtext,firsovenglish` say maximum. Neither has parameters, so that the counts cannot tell. We average; `max_pool` is in the registry.
# - **The model that was measured.** A mixture at $t = 1$ and a discrete network are different models. {doc}`experiments` evaluates both.
# - **Batch normalisation.** Its running statistics mix all architectures of the training. Before a discrete network is measured they must be estimated again.
