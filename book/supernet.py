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
# # What is a supernet, and what can it choose?
#
# *For readers who know convolution, pooling and batch normalisation · needs {doc}`problem` · about 8 minutes*
#
# :::{admonition} In one minute
# :class: minute
# - The network is a stem, three cells and a classifier. An architecture takes pooling, identity or convolution on each of 28 edges. The *supernet* holds all three on every edge, so that every architecture is a part of it and has its weights.
# - **The paper's parameter counts decode exactly**, with one solution for each model: they count the operations on the edges only. Every network has 20,506<!--=supernet.fixed--> parameters more.
# - Batch normalisation's statistics are estimated anew for every network that we measure: those of training mix all architectures.
# :::

# %% tags=["hide-input"] mystnb={"image": {"alt": "Seven nodes on a line: c-2, c-1, 1 to 4 and out. Fourteen arcs join each of the nodes 1 to 4 with every node before it, drawn as pool, identity or convolution. A dotted line from node 1 on leads to out."}, "figure": {"caption": "The normal cell of one of our networks: a member at A. An arc is an edge, drawn as its operation is. The dotted line collects nodes 1 to 4 in the output.", "name": "fig-cell"}}
import matplotlib.pyplot as plt
from IPython.display import HTML, SVG

from simplexnas.report import figures
from simplexnas.report.pages import supernet

figures.as_in_the_book()
SVG(supernet.cell())

# %% [markdown]
# ## Three cells
#
# Slide 5 {cite}`firsov2024`, in our translation:
#
# > The model consists of three cells, with 4 vertices in each.
#
# What the slides leave open we take from the author's code {cite}`firsovcode`, which follows DARTS {cite}`liu2019darts`.
# The *stem* is the first convolution. A *normal* cell keeps the image's size; a *reduction* cell halves it and doubles the channels ({numref}`fig-supernet`). The classifier averages each channel over the image.

# %% tags=["hide-input"] mystnb={"image": {"alt": "From top to bottom: images of 28 by 28 pixels, stem with 48 channels, normal cell with 4 times 16 channels, reduction cell with 14 by 14 pixels and 4 times 32 channels, reduction cell with 7 by 7 pixels and 4 times 64 channels, classifier with 10 classes. An arc goes from stem and normal cell to the cell after the next."}, "figure": {"caption": "The network. Each cell reads the two parts before it: the last one (straight arrow) and the one before that (arc; the first cell reads the stem twice). Squares: height and width of what leaves a part.", "name": "fig-supernet"}}
SVG(supernet.network())

# %% [markdown]
# (supernet-edges)=
# ## Nodes, edges, operations
#
# A cell has two input nodes, c-2 and c-1, the outputs of the two parts before it, and four nodes of its own. Each of these sums one *edge* from every node before it, which makes 14 edges.
# The cell's output is its four nodes, side by side as channels. On every edge stands one *operation* ({numref}`fig-cell`):
#
# - **pool** averages 3 × 3 pixels;
# - **identity** passes its input on;
# - **convolution** is separable: a 3 × 3 convolution of each channel by itself ($9C$ weights for $C$ channels), then a 1 × 1 convolution that mixes the channels ($C^2$); and both once more. ReLU comes before each pair, batch normalisation after it.
#
# A *genotype* lists the operations on the 14 edges of a cell. The two reduction cells share one. So an architecture is two genotypes, 28 choices, and the network, with its three cells, holds 42.
# This is why each column of the paper's table sums to 28 ({ref}`result` shows it).
#
# DARTS has *zero* among its operations, and in the end keeps two edges for each node. Here no edge is dropped: the network has all 42, one operation each.
#
# **What a cell computes.** Its inputs may differ in size: after a reduction cell the newer one has half the height and width, and twice the channels. So each input first goes through a 1 × 1 convolution to the cell's channels, which also halves the larger image. Then come the nodes, one after the other. The library splits an operation in two: what depends on the source alone (ReLU, or all of a pooling) runs once for a node, the rest for each edge. Here is a cell, computed with the library's own parts:

# %%
import torch

from simplexnas import Architecture, SearchSpace

space = SearchSpace()
network = Architecture(space, 7 * [0, 1, 2, 1]).build()  # some 28 choices
cell, chosen = network.cells[-1], network.operations[14:]
names = [space.operations[m] for m in chosen]
on_edge = dict(zip(cell.edges, names, strict=True))
inputs = torch.rand(8, 64, 28, 28), torch.rand(8, 128, 14, 14)

# %%
nodes = [
    prepare(x) for prepare, x in zip(cell.preprocess, inputs, strict=True)
]
for target in range(2, 6):  # inputs are 0 and 1
    total = 0
    for source in range(target):
        name = on_edge[target, source]
        x = cell.source_parts[f"{source}/{name}"](nodes[source])  # shared
        total = total + cell.edge_parts[f"{target}<-{source}/{name}"](x)
    nodes.append(total)
output = torch.cat(nodes[2:], dim=1)  # 8 x 256 x 7 x 7
assert torch.allclose(output, cell(*inputs, chosen), atol=1e-4)

# %% [markdown]
# **The supernet** holds three operations on each of the 42 edges. To run an architecture is to run one of the three and to pass over the others. So all architectures share weights: whoever has a convolution on an edge has *the* convolution of that edge. What that costs, {ref}`members-alone` measures.
#
# (supernet-costs)=
# ## What an operation costs
#
# The weights of a convolution grow with the square of the channels ({numref}`tab-operations`). Pooling has none. An identity is free, except on the *edges with stride 2*, the eight that leave an input node of the reduction genotype: there it halves the image by two 1 × 1 convolutions, one of the even and one of the odd pixels.
# Normalisations inside the cells have no scale and shift.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Parameters of an operation on an edge that leaves an input node, summed over the cells of its genotype: by the formulas ($2(9C + C^2)$ for a convolution of $C$ channels, $C^2$ for an identity that halves), and counted in two built networks that differ in this edge. On the other edges of its genotype a convolution has as many; pooling, and an identity that does not halve, have none anywhere.", "name": "tab-operations"}}
HTML(supernet.operation_costs().to_html(index=False, border=0))

# %% [markdown]
# (supernet-decoded)=
# ## The paper's parameter counts, decoded
#
# For each model slide 6 gives the number of parameters and of each operation. Let $x$ and $y$ be the numbers of convolutions in the normal and the reduction genotype, and $z$ that of identities with stride 2.
# We try every $(x, y, z)$ with
#
# $$800\,x + 11968\,y + 5120\,z = \text{the paper's count}, \qquad x + y = \text{its convolutions}.$$
#
# Each model has exactly one solution ({numref}`tab-decoded`), so **the paper counts the parameters of the chosen edge operations only**.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The paper's parameters, the only solutions, and the sizes that follow from them. D is from the author's Russian text.", "name": "tab-decoded"}}
HTML(supernet.decoded().to_html(index=False, border=0))

# %% [markdown]
# We call them *edge parameters*. *Total parameters* add the fixed 20,506<!--=supernet.fixed--> of the stem, the classifier and, most of them, the 1 × 1 convolutions at the cells' inputs.
#
# B has no convolution in the paper's table, yet all its 5,120 parameters are convolutions: they sit in one "identity" with stride 2.
#
# *MACs* are multiply-accumulates per image: the weights of each convolution times its output pixels, and those of the classifier; pooling and sums count as none. (A test hooks every layer of a built network, multiplies what it sees, and finds the same.)
# D has fewer parameters than A and more MACs, because its convolutions work on large images ({numref}`fig-parameters-macs`). Parameters are no stand-in for MACs; measured times are in {doc}`timing`.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Scatter plot of MACs against total parameters of A, B, C and D. D lies left of A and above it."}, "figure": {"caption": "Total parameters and MACs of the paper's A, B and C, and of D from the author's later text, both computed from the decoded table.", "name": "fig-parameters-macs"}}
supernet.parameters_and_macs()
plt.show()

# %% [markdown]
# (supernet-statistics)=
# ## Before measuring: statistics of its own
#
# Batch normalisation shifts and scales by means and variances. While training these are of the batch, and a running mean of them is kept for later. It mixes all architectures that were drawn, and fits none. So for every member that we measure, they are estimated anew:
#
# 1. Take the member's network, with the weights of the supernet.
# 2. Forget the kept means and variances.
# 3. Run the first 5,000<!--=supernet.images--> training images through it, unchanged by augmentation, in batches of 250<!--=supernet.batch-->. Each normalisation keeps the average over these batches.
#
# No weight changes, and no validation or test image is used. In the library this is `evaluation.reestimate_batch_norm`; how much it matters, {ref}`which-network` and {ref}`ways-to-measure` measure.
#
# ## Exercises
#
# **1. The largest architecture.** How many edge parameters has the network with a convolution on every edge? And what is the largest number without any convolution?

# %% tags=["hide-input"] mystnb={"code_prompt_show": "Solution", "code_prompt_hide": "Hide the solution"}
# 14 edges of 800 and 14 of 11,968; 8 identities with stride 2 of 5,120.
convolutions = Architecture(space, [2] * 28)
identities = Architecture(space, [1] * 28)
assert convolutions.edge_parameters == 14 * 800 + 14 * 11_968 == 178_752
assert identities.edge_parameters == 8 * 5_120 == 40_960

# %% [markdown]
# **2. Parameters and MACs.** A convolution in the reduction genotype has fifteen times the parameters of one in the normal genotype. Has it fifteen times the MACs? Guess, then look at networks that pool on all other edges.

# %% tags=["hide-input"] mystnb={"code_prompt_show": "Solution", "code_prompt_hide": "Hide the solution"}
# No: it has more channels, but its images are smaller.
pooling = Architecture(space, [0] * 28)
normal = Architecture(space, [2] + [0] * 27)
reduction = Architecture(space, [0] * 14 + [2] + [0] * 13)
parameters = reduction.edge_parameters / normal.edge_parameters
macs = (reduction.macs - pooling.macs) / (normal.macs - pooling.macs)
assert 14 < parameters < 16 and 1 < macs < 2

# %% [markdown]
# ## What can go wrong
#
# - **The pooling.** The slides say "pooling", the author's code {cite}`firsovcode` averages, and his later texts {cite}`firsovtext,firsovenglish` say maximum. Neither has parameters, so that the counts cannot tell. We average; `max_pool` is in the registry.
# - **Statistics of training.** A member that is measured with them is another network, and can lose much of its accuracy ({ref}`supernet-statistics`).
#
# ## Where it lives
#
# - Code: `simplexnas.space` (operations, cells, costs), `simplexnas.network` (supernet, architecture), `simplexnas.measure.evaluation` (statistics), `simplexnas.report.drawing` and `simplexnas.report.pages.supernet` (this page's figures and tables).
# - Tests: `tests/test_operations.py`, `tests/test_cost.py`, `tests/test_supernet.py`, `tests/test_architecture.py`, `tests/test_evaluation.py`, `tests/test_drawing.py`, `tests/test_pages_supernet.py`.
# - Data: the paper's table, typed once, in `simplexnas.report.paper`; {numref}`fig-cell` is of `data/families/default-seed0`.
