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
# # The problem
#
# One training run should give a whole family of networks, and a vector $S$ of penalties should pick a member of it.
# This chapter states that problem, shows the data, and says what $S$ means.

# %% [markdown]
# ## The paper's statement
#
# The paper is a set of slides {cite}`firsov2024`. Slide 3 reads, in our translation:
#
# > The model is a map $\mathbb{X} \times \Gamma \times \mathbb{W} \to \mathbb{Y}$, where $\gamma \in \Gamma$ sets the model's computation graph.
# >
# > We set $\gamma \sim \mathsf{GS}(\alpha(S, a), t)$, and write the architecture parameters $\alpha$ as a function of a **vector** complexity parameter $S$ […] where $S \in \Delta^{k-1}$, the $(k-1)$-dimensional simplex, $k$ is the number of operations, and $a \in \mathbb{R}^n$ are the parameters of the hypernetwork.
# >
# > Optimisation problem: minimise
# >
# > $$\mathbb{E}_{S \sim U(\Delta^{k-1})}\, \mathbb{E}_{\gamma \sim \mathsf{GS}(\alpha(S, a), t)} \big[ L(w^*, \alpha(S, a)) + \kappa \cdot \mathsf{Lat}(\alpha(S, a)) \big] \to \min_{w,\, a}.$$
#
# In words: draw penalties $S$. The hypernetwork turns them into three scores $\alpha$ (*logits*) for each edge of the network, one for each operation. $\mathsf{GS}$, the Gumbel-Softmax distribution with temperature $t$,
# draws from them a mixture of operations on every edge, the architecture $\gamma$ ({doc}`supernet`). Pay its cross-entropy $L$ and, with weight $\kappa$, its price $\mathsf{Lat}$.
# The weights $w$ and the hypernetwork $a$ are shared by all $S$. {doc}`notation` lists every symbol, and recurring words.
#
# ## Why a vector
#
# A search with a price on complexity has to say how much accuracy the price is worth. Usually one number says it, before training; another number needs another training.
# A number that stays open until after training gives one curve of networks, from dear to cheap. A vector also says *what* is dear. Convolutions can be cheap on a chip made for them, and
# copying memory dear; then two devices want different networks of the same accuracy, from the same training. That is how we read the paper's idea.
# Among its references and what came later, it stands here:
#
# | method | price of complexity | chosen after training |
# |---|---|---|
# | DARTS {cite}`liu2019darts` | none | nothing: one training, one architecture |
# | FBNet {cite}`wu2019fbnet`, ProxylessNAS {cite}`cai2019proxylessnas` | measured latency, its weight set before training | nothing |
# | parametric complexity control {cite}`grebenkova2023` | scalar $\lambda$ | $\lambda$, and with it the parameters of a prunable model |
# | DARTS-CC {cite}`yakovlev2022` | $\lambda$ times parameters | $\lambda$, and with it the architecture |
# | the paper {cite}`firsov2024` | vector $S$, one number for each operation | $S$ |
# | Once-for-All {cite}`cai2020ofa`, BigNAS {cite}`yu2020bignas` | none in training | any subnetwork: a search afterwards finds it |
# | MODNAS {cite}`sukthanker2024modnas` | vector of preferences among objectives | the preferences, and the device |
#
# As in Once-for-All, the chosen networks keep their weights. A survey {cite}`elsken2019survey` asks for random search as a baseline; ours are in {doc}`family`.

# %% [markdown]
# ## The data
#
# Fashion-MNIST {cite}`xiao2017fashionmnist` holds grey images of 28 × 28 pixels in ten classes.
# We cut 5,000 images, 500 of each class, out of the official training set. No choice is made on the test set; it is only reported.

# %%
import math

import numpy as np
import torch
from torchvision.datasets import FashionMNIST

from simplexnas.io.errors import SimplexNASError
from simplexnas.methods import objective, penalties
from simplexnas.report import figures
from simplexnas.report.paper import PAPER
from simplexnas.space import cost
from simplexnas.space.operations import labels
from simplexnas.space.search_space import SearchSpace, genotype_edges
from simplexnas.tasks import fashion_mnist

figures.as_in_the_book()
splits = fashion_mnist.load()
for name, split in vars(splits).items():
    print(
        f"{name:<11}{len(split):>7,} images, the rarest class "
        f"{split.labels.bincount().min():>5,}"
    )
assert splits.validation.labels.bincount().tolist() == [500] * 10

# %% mystnb={"image": {"alt": "Ten small grey pictures of clothes, one of each class, from a T-shirt to an ankle boot."}, "figure": {"caption": "One validation image of each class.", "name": "fig-images"}}
first = [
    int((splits.validation.labels == c).nonzero()[0]) for c in range(10)
]
axes = figures.image_row(
    splits.validation.images[first, 0].numpy(), FashionMNIST.classes
)

# %% [markdown]
# ## What an architecture is, and how many there are
#
# An architecture chooses one of $k = 3$ operations on each of 28 edges ({doc}`supernet`). Nobody can train them one by one.

# %%
space = SearchSpace()
print(space.operations)
print(f"{space.k ** len(genotype_edges(space)):,} architectures")

# %% [markdown]
# ## What S means
#
# $S_m \ge 0$ is the penalty on operation $m$, and the penalties sum to 1.
# Their order is that of `space.operations`: pooling, identity, convolution. Slide 6 implies it, as it says "increased penalty on convolutions" of (0.15, 0.15, 0.70) and "increased penalty on pooling" of (0.70, 0.15, 0.15); the author's Russian text {cite}`firsovtext` states it. (His English one {cite}`firsovenglish` names
# the reverse order, against its own labels of B and C.)
# A large $S_m$ makes $m$ rare. $S$ is a list of prices, not of shares.

# %% mystnb={"image": {"alt": "Triangle of all S. A lies at its centre, B towards the convolution corner, C towards the pool corner, D towards the identity corner."}, "figure": {"caption": "Four vectors S: A, B, C of slide 6, and D of the author's Russian text. At a corner all the penalty lies on one operation.", "name": "fig-simplex"}}
triangle = figures.simplex_points(
    {name: S for name, (S, *_) in PAPER.items()},
    figures.simplex(labels(space.operations)),
)

# %% [markdown]
# ## The objective by hand
#
# Softmax of an edge's scores gives the probabilities of its operations. Take one edge with probabilities (0.2, 0.3, 0.5), and $S$ = (0.15, 0.15, 0.70).
# Its expected price is 0.2 · 0.15 + 0.3 · 0.15 + 0.5 · 0.70 = 0.425.
# An architecture makes 28 choices, but the network has 42 edges, as 14 of the choices are used in two cells ({doc}`supernet`). The library sums over all 42, so equal edges give 42 · 0.425 = 17.85.

# %%
S = torch.tensor([[0.15, 0.15, 0.70]])
probabilities = torch.tensor([0.2, 0.3, 0.5]).expand(1, 28, 3)
latency = cost.price_term(probabilities, cost.price(S, space), space)
loss = objective.objective(torch.tensor(math.log(10)), latency, kappa=0.02)
assert math.isclose(latency.item(), 42 * 0.425, rel_tol=1e-5)
assert math.isclose(
    loss.item(), math.log(10) + 0.02 * 42 * 0.425, rel_tol=1e-5
)
print(
    f"Lat = {latency.item():.2f}, objective at chance level "
    f"with kappa = 0.02: {loss.item():.3f}"
)

# %% [markdown]
# ## Reading S, and drawing it
#
# Slide 6 writes (0.33, 0.33, 0.33), which sums to 0.99. `penalties.parse` takes a sum within 0.01 of 1 and divides by it.
# Anything else is refused in one line.

# %%
print(penalties.parse((0.33, 0.33, 0.33), space.operations).round(4))
print(penalties.parse("[0.15, 0.15, 0.7]", space.operations))
try:
    penalties.parse("0.5, 0.5, 0.5", space.operations)
except SimplexNASError as error:
    print(error)

# %% [markdown]
# The outer expectation draws $S$ uniformly (ours: three draws in four). Then $S_m > s$ with probability $(1-s)^2$, since the part of the triangle beyond $s$ is a triangle of side $1-s$.
# For $s = 0.7$ that is 9 %, and a count of samples agrees.

# %%
drawn = penalties.sample(
    200_000, space.k, generator=torch.Generator().manual_seed(0)
)
share = (drawn[:, 2] > 0.7).double().mean().item()
assert np.isclose(share, 0.3**2, atol=0.003)
print(f"{share:.2f} by counting, {0.3**2:.2f} by geometry")

# %% [markdown]
# ## What can go wrong
#
# The slides leave open what a replication must decide:
#
# - They give no formula for $\mathsf{Lat}$, no $\kappa$ and no order of $S$. $\mathsf{Lat}$ is in the author's code {cite}`firsovcode`. His configurations try many $\kappa$, up to 100,000; it is 50 in the two that have the three operations of the slides. Our default is 0.02 ({doc}`latency`). The order of $S$ follows from slide 6.
# - They do not say which model the accuracies belong to: a mixture of operations, or the discrete network whose parameters are counted.
# - They name no validation split and no number of seeds.
# - $w^*$ stands in the functional, but the minimum is over $w$. We train $w$ and $a$ together, on the same images.
