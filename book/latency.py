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
# # The price of an architecture
#
# $\mathsf{Lat}$ is the term of the objective that makes an architecture pay for its operations.
# It is linear, so that its expectation is exact; and with the published weight it can outweigh the data wherever penalties differ.
# It is not a latency. In the second half of this chapter we measure one, predict it, and keep it within a budget.

# %% [markdown]
# ## The paper's statement
#
# Slide 3 {cite}`firsov2024`, in our translation:
#
# > … where $\mathsf{Lat}(\alpha(S, a))$ is a regularisation term responsible for the complexity of the model and the latency of executing the operations.
#
# There is no formula. In the author's code {cite}`firsovcode` it is a sum over edges and operations of probability times penalty, with weight $\kappa = 50$:
#
# $$\mathsf{Lat} = \sum_{e} n_e \sum_m p_{em}\, S_m ,$$ (eq-lat)
#
# where $n_e$ is the number of cells that hold edge $e$: 1 or 2, 42 in all.
#
# **No time is in it.** An edge on a 28 × 28 image costs as much as one on 7 × 7, and a pooling as much as a convolution, if $S$ says so.
# {numref}`fig-parameters-macs` shows that parameters would not repair it. $\mathsf{Lat}$ is a price, not a latency; we keep the paper's name.

# %% [markdown]
# ## The smallest example, by enumeration
#
# With one intermediate node a cell has 2 edges; the two genotypes make 4, so there are $3^4 = 81$ architectures. We can price each and average.

# %%
import itertools
import math

import numpy as np
import torch
from scipy.stats import chisquare
from torch.nn.functional import one_hot

from simplexnas import config, cost, figures, gumbel, results, simplex
from simplexnas.supernet import SearchSpace

tiny = SearchSpace(nodes=1)
S = torch.tensor([[0.2, 0.3, 0.5]], dtype=torch.float64)
logits = torch.randn(
    1, 4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64
)
p = torch.softmax(logits, dim=-1)
prices = cost.price(S, tiny)

choices = torch.tensor(list(itertools.product(range(3), repeat=4)))
probability = p[0, torch.arange(4), choices].prod(dim=1)
price = cost.latency_term(
    one_hot(choices, 3).double(), prices.expand(81, -1, -1), tiny
)
formula = cost.latency_term(p, prices, tiny).item()
assert math.isclose(
    (probability * price).sum().item(), formula, rel_tol=1e-12
)
print(
    f"{len(choices)} architectures: E[Lat] = {formula:.4f} by enumeration and by the formula"
)

# %% [markdown]
# This is why the search uses $\mathrm{softmax}(\alpha)$, without a temperature. A hard sample follows $\mathrm{softmax}(\alpha)$ at every $t$ ({doc}`supernet`); $\mathrm{softmax}(\alpha/t)$ would price another distribution.
# Sampling in the full space agrees.

# %%
space = SearchSpace()
noise = torch.randn(
    28, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64
)
logits = noise + torch.tensor([1.0, 0.0, 0.0])
prices = cost.price(S, space)
drawn = one_hot(
    gumbel.hard_sample(
        logits.expand(20_000, 28, 3), torch.Generator().manual_seed(2)
    ),
    3,
).double()
sampled = (
    cost.latency_term(drawn, prices.expand(20_000, -1, -1), space)
    .mean()
    .item()
)
exact = cost.latency_term(
    torch.softmax(logits, dim=-1)[None], prices, space
).item()
wrong = cost.latency_term(
    torch.softmax(logits / 0.2, dim=-1)[None], prices, space
).item()
assert abs(sampled - exact) < 0.05 < abs(sampled - wrong)
print(
    f"sampled {sampled:.1f}, softmax(alpha) {exact:.1f}, softmax(alpha / 0.2) {wrong:.1f}"
)

# %% [markdown]
# ## At uniform S the price says nothing
#
# The derivative of {eq}`eq-lat` with respect to a logit is $n_e\, p_{em}\,(S_m - \sum_i p_{ei} S_i)$.
# If all $S_m$ are equal, it is 0 for every $p$. At A itself the price does not press; what it does at other $S$ still reaches A through the shared $a$.


# %%
def gradient(S, space: SearchSpace = space) -> torch.Tensor:
    """Derivative of Lat with respect to the logits of all edges, at uniform probabilities: (28, 3)."""
    logits = torch.zeros(1, 28, 3, dtype=torch.float64, requires_grad=True)
    prices = cost.price(
        torch.as_tensor(S, dtype=torch.float64)[None], space
    )
    cost.latency_term(
        torch.softmax(logits, dim=-1), prices, space
    ).sum().backward()
    return logits.grad[0]


third = simplex.parse((0.33, 0.33, 0.33), space.operations)
assert gradient(third).abs().max() < 1e-12
by_hand = (np.array([0.15, 0.15, 0.70]) - 1 / 3) / 3
assert np.allclose(gradient([0.15, 0.15, 0.70])[0], by_hand)
print("gradient at B on a normal edge:", by_hand.round(3))

# %% mystnb={"image": {"alt": "Triangle in shades: the gradient vanishes at A in the centre and grows towards the three corners, equally at B, C and D."}, "figure": {"caption": "Size of the gradient of Lat on one normal edge at uniform probabilities.", "name": "fig-gradient"}}
lattice = simplex.lattice(space.k, 0.05)
sizes = np.array([gradient(S)[0].norm().item() for S in lattice])
ax = figures.triangle_map(lattice, sizes, "size of the gradient")
ax = figures.simplex_points(
    {name: S for name, (S, *_) in results.PAPER.items()}, ax
)

# %% [markdown]
# ## Elsewhere the price decides
#
# At B, moving one edge of the network from convolution to pooling saves $\kappa\,(0.70 - 0.15)$.
# Cross-entropy falls by ln 10 = 2.303 when a network goes from guessing to perfection. So compare the two:

# %%
for name in ("paper", "default"):
    saved = config.preset(name).kappa * (0.70 - 0.15)
    print(
        f"{name:<8} kappa = {config.preset(name).kappa:<5g} one edge saves {saved:.3f}, "
        f"{saved / math.log(10):.3f} times ln 10"
    )

# %% [markdown]
# With $\kappa = 50$ a single edge outweighs all that a network can gain over guessing, nearly twelve times.
# The best response is known without data: wherever penalties differ by more than ln 10 / 50 ≈ 0.05, **every edge takes an operation of least penalty, ties at random**.
# We call this the *data-free control*. It stands beside the method in {doc}`experiments`.
# Here are the edges with pooling, identity and convolution:

# %%
for name, (S, *_, published) in results.PAPER.items():
    ours = results.control(S, space, seed=0).counts()
    tied = [
        count
        for count, penalty in zip(published.values(), S, strict=True)
        if penalty == min(S)
    ]
    p = chisquare(tied).pvalue
    print(
        f"{name}  paper {tuple(published.values())!s:<12}  control {tuple(ours.values())!s:<12}  p = {p:.2f}"
    )
    assert [
        ours[key]
        for key, penalty in zip(ours, S, strict=True)
        if penalty > min(S)
    ] == [0] * (3 - len(tied))

# %% [markdown]
# The paper's models obey the control where it is strict: B has no convolution, C no pooling. D keeps one identity of 28.
# Among the operations that tie, a chi-square test does not tell the paper's counts from equal shares: its $p$ stands beside each row. With 28 edges the test sees only large differences, and D is close.

# %% [markdown]
# ## What we change
#
# The `default` preset has $\kappa = 0.02$, reached after a warm-up, and adds to $S_m$ a price on parameters, up to 0.4.
# Moving one edge then saves about a hundredth of a nat, so that the data can speak.
# The second price breaks the tie between a large and a small convolution at the same $S$, and the gradient at uniform $S$ no longer vanishes.

# %%
S = torch.full((1, 3), 1 / 3)
second = cost.price(S, space, config.preset("default").parameter_price)[0]
largest = second.argmax().item()
assert largest % 3 == 2 and math.isclose(
    second.max().item(), 1 / 3 + 0.4, rel_tol=1e-5
)
print(
    f"price at uniform S: {second.min().item():.3f} for pooling, {second.max().item():.3f} for the largest convolution"
)

# %% [markdown]
# ## Measured time
#
# `simplexnas latency measure` times every part of a network on the machine at hand: each operation at each place where it can stand
# (channels, height, stride), stem, preprocessing, sums, concatenations and head.
# Inference mode, one thread, 15 rounds in random order, medians. In every round a fixed matrix product is timed as well; if that varies by
# more than a tenth, nothing is written.
#
# This is the table of the machine that made the published results. Milliseconds for one edge, on a batch of 1 and of 64 images:

# %%
import matplotlib.pyplot as plt
import pandas as pd

from simplexnas import latency
from simplexnas.architecture import Architecture
from simplexnas.latency import LatencyTable
from simplexnas.operations import labels

table = LatencyTable.load(
    "intel-r-xeon-r-processor-family-6-model-207-stepping-2-cpu-1-thread",
    space,
)
print(
    f"{table.content['processor']}, {table.content['threads']} thread, torch {table.content['versions']['torch']}"
)
rows = []
for part in latency.all_parts(space):
    if part.kind == "edge":
        shared = latency.Part("source", *part[1:])
        where = f"{part.channels} channels, {part.size} × {part.size}, stride {part.stride}"
        operation = labels(space.operations)[
            space.operations.index(part.name)
        ]
        for batch in table.batches:
            rows.append(
                (
                    where,
                    operation,
                    batch,
                    f"{table.ms(part, batch):.3f} + {table.ms(shared, batch):.3f}",
                )
            )
prices = pd.DataFrame(rows, columns=["edge", "operation", "batch", "ms"])
prices.pivot(index=["batch", "edge"], columns="operation", values="ms")[
    list(labels(space.operations))
]

# %% [markdown]
# The first number is what the edge itself costs, the second what all edges with that operation share that leave the same node
# ({doc}`supernet`): a second pooling from one node is free.
#
# On a single image a convolution costs almost the same at every place; probably the time goes into starting kernels. On 64 images it is dearest where the image
# is large, although its parameters are fewest there. Parameters and milliseconds would move edges in opposite directions.

# %%
convolution = [
    latency.Part("edge", "sep_conv_3x3", channels, size)
    for channels, size in ((16, 28), (64, 7))
]
first, last = (table.ms(part, 64) for part in convolution)
assert first > last
print(
    f"a convolution on 64 images: {first:.2f} ms and {2 * (9 * 16 + 16**2):,} parameters with 16 channels at 28 × 28, "
    f"{last:.2f} ms and {2 * (9 * 64 + 64**2):,} parameters with 64 channels at 7 × 7"
)

# %% [markdown]
# ## Does the sum of parts predict a network?
#
# The prediction is the sum over the parts that run, times one factor for each batch size, fitted to 12 random architectures.
# The sum alone is too small: probably a part timed by itself finds its input in the cache, and Python's share between the parts is not timed.
# Here are 40 other random architectures, each measured twice; the second measurement shows how well anything could predict the first.

# %% mystnb={"image": {"alt": "Two panels, for batches of 1 and 64 images, of predicted against measured milliseconds of 40 networks: the dots of the prediction lie along the diagonal, those of the plain sum below it."}, "figure": {"caption": "Predicted and measured time of 40 random architectures.", "name": "fig-latency-prediction"}}
validation = latency.read_validation(table)["batches"]
figures.predictions(
    {f"batch {batch}": points for batch, points in validation.items()}
)
plt.show()
# %%
errors = []
for batch, points in validation.items():
    for what, key in (
        ("predicted", "predicted_ms"),
        ("measured again", "again_ms"),
    ):
        found = latency.prediction_errors(points, key)
        errors.append(
            {
                "batch": batch,
                "": what,
                "Spearman": f"{found['spearman']:.3f}",
                "mean error": f"{found['mape']:.1%}",
                "worst error": f"{found['worst']:.1%}",
            }
        )
pd.DataFrame(errors).set_index(["batch", ""])

# %% [markdown]
# What additivity misses is systematic: on one image the factor should fall with the number of convolutions, because Python's share is the same for
# a cheap edge and a dear one. One factor is enough to rank networks and to choose among them; before a time is promised, it is measured.
#
# ## Its expectation, by two routes
#
# Source parts are shared, so that the time of a network is not a sum over edges. Its expectation under independent choices still has a
# closed form: an edge part counts with the probability $p_{em}$ of its operation, a source part with the probability
# $1 - \prod_e (1 - p_{em})$ that at least one edge from its node asks for it.
# By enumeration, with five edges free and the others fixed, so that $3^5 = 243$ architectures remain:

# %%
random = np.random.default_rng(0)
free = random.choice(28, size=5, replace=False)
p = np.eye(3)[random.integers(3, size=28)]
p[free] = random.dirichlet(np.ones(3), size=5)
expected = 0.0
for choice in itertools.product(range(3), repeat=5):
    operations = p.argmax(axis=1)
    operations[free] = choice
    expected += p[free, choice].prod() * table.predict(
        Architecture(space, operations), 64
    )
assert math.isclose(expected, table.expectation(p, 64))
print(
    f"expected time of a batch of 64: {expected:.3f} ms by enumeration, {table.expectation(p, 64):.3f} ms by the formula"
)

# %% [markdown]
# ## Time as the price
#
# With a measured table the price of operation $m$ on edge $e$ can be $S_m\, r_{em}$, where $r$ is its time
# (each edge bears an equal part of what edges share), or its parameters, or its MACs; $r = 1$ is the paper's.
# All are divided by their mean, so that at uniform probabilities and uniform $S$ the term $\mathsf{Lat}$ is the same for each.
# Where $r$ is 0, the penalty has no effect: a price in parameters or MACs cannot steer pooling.

# %%
kinds = {
    kind: cost.relative_costs(kind, space, table.edge_ms(64))
    for kind in cost.PRICES
}
places = {
    "normal cell": 0,
    "reduction cells, from an input": 14,
    "reduction cells, from a node": 18,
}
relative = pd.DataFrame(
    {
        (place, operation): {
            kind: f"{r[edge, m].item():.2f}" for kind, r in kinds.items()
        }
        for place, edge in places.items()
        for m, operation in enumerate(labels(space.operations))
    }
)
for r in kinds.values():
    weights = torch.from_numpy(cost.instances(space))[:, None]
    assert math.isclose((weights * r).sum().item(), 3 * 42, rel_tol=1e-5)
relative.T

# %% [markdown]
# ## A budget, from request to file
#
# A user has four milliseconds for an image, and room for 40,000 edge parameters:
#
# ```
# simplexnas select --max-latency-ms 4 --max-edge-parameters 40000 --output architecture.json --json > data/results/selected.json
# simplexnas export --architecture architecture.json --output data/models/within-4-ms
# ```
#
# The first command looks among the members of the family for the most accurate one (on validation images) that is predicted to fit,
# builds it, and times it end to end. It is promised only if median and interquartile range together keep the limit; otherwise the next one is tried.
# The stored answer:

# %%
import json

from simplexnas.paths import DATA

selected = json.loads((DATA / "results" / "selected.json").read_text())
time = selected["latency"]
print("S =", selected["S"], selected["operations"])
print(
    f"predicted {time['predicted_ms']:.2f} ms, measured {time['median_ms']:.2f} ms (IQR {time['iqr_ms']:.2f})"
)
print(
    f"{selected['edge_parameters']:,} edge parameters, {selected['macs']:,} MACs, "
    f"test accuracy {selected['accuracy']['test']:.1%}"
)

# %% [markdown]
# The second command writes the network by itself: the pixels' normalisation, the chosen operations with inherited weights, and statistics
# of batch normalisation re-estimated for it. ONNX Runtime must give the same predictions as PyTorch on all 10,000 test images.

# %%
folder = DATA / "models" / "within-4-ms"
model = json.loads((folder / "model.json").read_text())
assert Architecture.from_dict(model["architecture"]).operations == tuple(
    selected["choice"]
)
print(
    f"test accuracy {model['test_accuracy']:.1%}, largest difference of a logit {model['largest_logit_difference']:.0e}"
)
for batch, times in model["latency"].items():
    print(
        f"batch {batch}: "
        + ", ".join(
            f"{name} {t['median_ms']:.2f} ms" for name, t in times.items()
        )
    )

# %% [markdown]
# Five lines use it, without this library:

# %%
import gzip

import onnxruntime

session = onnxruntime.InferenceSession(folder / "model.onnx")
raw = DATA / "FashionMNIST" / "raw" / "t10k-images-idx3-ubyte.gz"
pixels = gzip.decompress(raw.read_bytes())[16 : 16 + 28 * 28]
(answer,) = session.run(
    None,
    {"images": np.frombuffer(pixels, "uint8").reshape(1, 1, 28, 28)},
)
print(model["classes"][answer.argmax()])

# %% [markdown]
# Are such promises kept? 50 random budgets, each with a limit on time and some of the other limits, on batches of 1 and of 64; each promised network
# was measured once more (`benchmarks/budgets.py`):

# %%
budgets = json.loads((DATA / "results" / "budgets.json").read_text())
used = [
    b["again_ms"] / b["budget"]["max_latency_ms"]
    for b in budgets["budgets"]
]
print(
    f"{budgets['kept']} of {len(used)} kept; time measured again over the limit: median {np.median(used):.2f}, largest {max(used):.2f}"
)

# %% [markdown]
# ## What can go wrong
#
# - **Reading Lat as milliseconds.** It has no unit. Report edge parameters, total parameters, MACs and measured time beside it.
# - **A table of another machine.** Ratios between operations differ with the batch size, as shown, and may differ between machines. Measure your own.
# - **Crediting the method for the control.** Counts that follow $S$ prove nothing by themselves. Compare accuracy at equal cost.
# - **A rule of thumb for $\kappa$.** $\kappa$ and the size of $\mathsf{Lat}$ only matter as a product; $\mathsf{Lat}$ lies between 0 and 42 here with the published price, up to 42 · 1.4 = 58.8 in `default`, and grows with the number of cells.
