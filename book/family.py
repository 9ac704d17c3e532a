# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
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
# # The whole family
#
# The table shows four points of the triangle. This chapter shows all of it: what S does to size, to operations and to accuracy,
# for the family of seed 0; where three trainings are compared, it says so.
#
# The paper's claim ({cite}`firsov2024`, slide 7, our translation):
#
# > The method can obtain architectures of models by changing the vector of the complexity parameter, without the need for additional fine-tuning.
#
# ## The smallest example
#
# Three vectors, from a high penalty on convolutions to none, with the edges and the edge parameters of the networks they give.

# %%
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from simplexnas import (
    analysis,
    cost,
    experiments,
    figures,
    published,
    results,
)
from simplexnas.architecture import Architecture
from simplexnas.family import Family

family = Family.load(published.DEFAULT[0])
for S in ((0.1, 0.1, 0.8), (0.3, 0.4, 0.3), (0.5, 0.5, 0)):
    architecture = family.architecture(S)
    print(S, architecture.counts(), architecture.edge_parameters)

# %% [markdown]
# ## 231 points
#
# `simplexnas lattice` measured the family at every S whose components are multiples of 0.05: inherited weights, no fine-tuning,
# statistics of batch normalisation re-estimated. Several S give the same architecture. Fronts in this chapter are chosen on validation images, and drawn with test accuracy.

# %%
record = results.read_own(family, results.LATTICE)
points = record["points"]
S = np.array([point["S"] for point in points])
architectures = {tuple(point["choice"]) for point in points}
test = 100 * np.array([point["accuracy"]["test"] for point in points])
print(f"{len(points)} points, {len(architectures)} architectures")
print(f"test accuracy from {test.min():.1f} to {test.max():.1f} %")
smallest, largest = (
    choose(points, key=lambda point: point["edge_parameters"])
    for choose in (min, max)
)
for name, point in {
    "smallest": smallest,
    "best on validation": analysis.best_within(points, np.inf),
    "largest": largest,
}.items():
    print(
        f"{name}: {100 * point['accuracy']['test']:.1f} % with {point['edge_parameters']:,} edge parameters, {point['operations']}"
    )

# %% mystnb={"image": {"alt": "Two triangles of penalties in colour. On the left edge parameters, on the right test accuracy of the family's member at each point."}, "figure": {"caption": "Edge parameters (left) and test accuracy (right) over the triangle of penalties.", "name": "fig-family-maps"}}
figure = plt.figure(figsize=(10.5, 4.2))
for column, (label, values) in enumerate(
    {
        "edge parameters, thousands": [
            point["edge_parameters"] / 1e3 for point in points
        ],
        "test accuracy, %": test,
    }.items(),
    1,
):
    ax = figures.triangle(
        figure.add_subplot(1, 2, column, projection="ternary")
    )
    figures.triangle_map(S, np.array(values), label, ax)
figure.subplots_adjust(wspace=0.55, left=0.07, right=0.93)
plt.show()

# %% tags=["full-width"] mystnb={"image": {"alt": "Three triangles of penalties in colour, one for each operation, showing its number of edges at each point."}, "figure": {"caption": "Edges with each operation, of 28, over the triangle of penalties.", "name": "fig-family-operations"}}
figure = plt.figure(figsize=(14, 3.8))
for column, operation in enumerate(points[0]["operations"], 1):
    ax = figures.triangle(
        figure.add_subplot(1, 3, column, projection="ternary")
    )
    counts = [point["operations"][operation] for point in points]
    figures.triangle_map(S, np.array(counts), f"edges with {operation}", ax)
figure.subplots_adjust(wspace=0.7, left=0.05, right=0.95)
plt.show()

# %% [markdown]
# **Accuracy has two levels**, with and without a convolution in the reduction cell. Test accuracy in percent over the different architectures of each of three trainings:

# %%
families = [Family.load(name) for name in published.DEFAULT]
lattices = [results.read_own(each, results.LATTICE) for each in families]
members = [
    {tuple(point["choice"]): point for point in lattice["points"]}
    for lattice in lattices
]
convolution = family.space.operations.index("sep_conv_3x3")
found = pd.DataFrame(
    {
        "family": each.name,
        "reduction cell": "with convolution"
        if convolution in choice[14:]
        else "without",
        "test": 100 * point["accuracy"]["test"],
    }
    for each, own in zip(families, members, strict=True)
    for choice, point in own.items()
)
levels = found.groupby(["family", "reduction cell"])["test"]
levels = levels.agg(["min", "median", "max", "count"]).round(1)
best_without = levels.xs("without", level="reduction cell")["max"].max()
assert best_without <= 89.0
levels

# %% [markdown]
# No member without one exceeds 89.0 %; most with one have 91 to 92 %. The cheapest costs 11,968 parameters, as it stands in two cells. Within D's 12,320 edge parameters it would have to be the only
# convolution, but the price of parameters lets those of the normal cell come first. So the best members within B's and within D's size hardly differ.
#
# Three members of each training: all edges pool, which has no edge parameter at all; the best on validation; the largest.

# %%
for each, own in zip(families, members, strict=True):
    chosen = {
        "all pool": own[28 * (0,)],
        "best": analysis.best_within(list(own.values()), np.inf),
        "largest": max(own.values(), key=lambda p: p["edge_parameters"]),
    }
    accuracies = {
        name: point["accuracy"]["test"] for name, point in chosen.items()
    }
    assert 0.85 < accuracies["all pool"] < accuracies["largest"]
    assert accuracies["largest"] < accuracies["best"]
    print(
        each.name,
        ", ".join(
            f"{name} {100 * accuracies[name]:.1f} % with {point['edge_parameters']:,}"
            for name, point in chosen.items()
        ),
        sep=": ",
    )

# %% [markdown]
# **Pooling on every edge is more accurate than each of the paper's four models** (79.2 to 85.0 %). The stem, the preprocessing and the classifier are trained even there. So at B and D
# most of what separates our numbers from the paper's is not the choice of operations, at A about half. And the largest member is never the best.
#
# ## Does S steer?
#
# The share of an operation should fall as its penalty rises. Below is Spearman's rank correlation ρ between the two over the lattice, for each operation ($-1$ is out of reach, since a number of edges also depends
# on the other two penalties), and how many of the 28 edges change between neighbours, where 0.05 moves from one penalty to another. Three trainings, and twelve *random hypernetworks* of the
# same form, whose utilities are random numbers:

# %% tags=["full-width"]
with torch.no_grad():
    everywhere = torch.from_numpy(S).float()
    untrained = [
        experiments.random_hypernetwork(family, seed)(everywhere)
        .argmax(dim=-1)
        .tolist()
        for seed in range(12)
    ]


def control(measured: list[dict]) -> dict:
    """How S moves the edges over a lattice of points, each with S, choice and operations."""
    correlations = analysis.control_correlations(measured)
    changes = analysis.changes_per_step(measured, 0.05)
    return {
        **{f"ρ, {name}": value for name, value in correlations.items()},
        "edges changed per step": changes["mean"],
        "at most": changes["max"],
        "architectures": len({tuple(p["choice"]) for p in measured}),
    }


def without_data(choices: list[list[int]]) -> list[dict]:
    return [
        {
            "S": point["S"],
            "choice": choice,
            "operations": Architecture(family.space, choice).counts(),
        }
        for point, choice in zip(points, choices, strict=True)
    ]


lines = {
    each.name: control(lattice["points"])
    for each, lattice in zip(families, lattices, strict=True)
}
drawn = pd.DataFrame([control(without_data(each)) for each in untrained])
lines["random hypernetworks, mean"] = drawn.mean()
found = pd.DataFrame(lines).T
assert (found.filter(like="ρ") < -0.9).all(axis=None)
shown = found.map("{:.2f}".format)
shown["edges changed per step"] = found["edges changed per step"].map(
    "{:.1f}".format
)
for column in ("at most", "architectures"):
    shown[column] = found[column].map("{:.0f}".format)
shown

# %% [markdown]
# Random utilities give nearly the same control. It is in the form, a utility minus a price ({doc}`hypernetwork`), and not a result of training.

# %% [markdown]
# ## All at once, or one after another?
#
# Lat is linear in the probabilities. Left to itself, such a price makes every edge take the operation of least penalty, and all edges
# change their mind at the same S: a switch, not a dial. Below, the penalty on convolutions rises along the line from $(\frac12, \frac12, 0)$ to
# $(0, 0, 1)$, and the number of convolutions falls
#
# - at one point with the linear price of the author's loss alone,
# - at two with a price that also counts parameters,
# - in small steps with utilities that differ from edge to edge, learned or random.

# %% mystnb={"image": {"alt": "Step lines of the number of convolution edges against the penalty on convolutions: one falls from 28 to 0 at one third, the second in two steps, the third gradually."}, "figure": {"caption": "Convolutions along a line of S, by the linear price alone, by the price with parameters, and in the trained family.", "name": "fig-family-switching"}}
penalty = np.linspace(0, 1, 201)
line = np.column_stack([(1 - penalty) / 2, (1 - penalty) / 2, penalty])
line = torch.from_numpy(line).float()
space, hypernetwork = family.space, family.model.hypernetwork
with torch.no_grad():
    scores = {
        "linear price": -cost.price(line, space),
        "linear price and parameters": -cost.price(
            line, space, family.config.parameter_price
        ),
        "trained family": hypernetwork(line),
    }
figures.switching(
    penalty,
    {
        name: (score.argmax(dim=-1) == convolution).sum(dim=1).numpy()
        for name, score in scores.items()
    },
)
plt.show()

# %% [markdown]
# A second route to the same choices, without the hypernetwork's code: every edge takes the operation of least $S_m - v_m$
# ({doc}`hypernetwork`), where $v$ is its utility minus its price at $S = 0$.

# %%
utility = family.model.hypernetwork.scaled_utility().detach()
price = cost.price(
    torch.zeros(1, 3), family.space, family.config.parameter_price
)[0]
least = (S[:, None, :] - (utility - price).numpy()).argmin(axis=-1)
assert np.array_equal(least, [point["choice"] for point in points])

# %% [markdown]
# ## Accuracy against size
#
# The *front* holds the members that no other member beats in both size and validation accuracy. Beside it, with the same weights:
#
# - the front of a *random hypernetwork*: the same form, a utility minus a price, but with utilities drawn at random;
# - the front of the data-free *control* of {doc}`experiments`;
# - 30 *random architectures*, each with operation probabilities of its own.

# %% mystnb={"image": {"alt": "Test accuracy against total parameters on a logarithmic axis. The front of the family lies above the fronts of the random hypernetwork and of the control nearly everywhere; random architectures scatter below."}, "figure": {"caption": "The family of seed 0 on the lattice, beside choices that no data has made, all with the same weights.", "name": "fig-family-front"}}
baselines = results.read_own(family, results.BASELINES)["points"]
random_ones = [p for p in baselines if p["source"] == "random architecture"]
figures.fronts(
    {
        "family": analysis.front(points),
        "random hypernetwork": analysis.front(
            results.drawn(baselines, "random hypernetwork", 0)
        ),
        "control": analysis.front(results.drawn(baselines, "control", 0)),
        "all members of the family": points,
        "random architectures": random_ones,
    },
    lines=3,
)
plt.ylim(75, 94)
below = sum(p["accuracy"]["test"] < 0.75 for p in random_ones)
print(f"random architectures below 75 %, not drawn: {below}")
plt.show()

# %% [markdown]
# The *hypervolume* is the part of the unit square that a front dominates. One axis is the logarithm of total parameters, 0 at the smallest network (20,506) and 1 at the one of convolutions only (199,258);
# the other is the error over 30 %. So the reference point (1, 1) has 70 % accuracy at the largest size. Fronts are chosen on validation images and measured on test images.
# Here they are taken over the 66 points with step 0.1, for all three trainings; of the random hypernetwork and of the control it is the mean of three draws for each training.
# Mean and 95 % interval over the trainings (Student's t), and how far each is behind the family with the same weights:

# %%
volumes = results.hypervolumes(families).set_index("of")
assert (volumes.drop("family")["high"] < volumes.loc["family", "low"]).all()


def interval(line, name: str, low: str, high: str) -> str:
    return f"{line[name]:.3f} ({line[low]:.3f} to {line[high]:.3f})"


pd.DataFrame(
    {
        of: {
            "hypervolume": interval(line, "mean", "low", "high"),
            "behind the family": "–"
            if of == "family"
            else interval(line, "behind", "behind low", "behind high"),
        }
        for of, line in volumes.iterrows()
    }
).T

# %% [markdown]
# The intervals do not overlap: the family is ahead of both. For single sizes the same comparison, chosen on validation within each of the paper's, over the same 66 points; test accuracy in percent,
# mean over three draws and three trainings:

# %%
budgets = sorted(paper[2] for paper in results.PAPER.values())


def within(points: list[dict]) -> list[float]:
    """Test accuracy of the member that is best on validation within each size."""
    return [
        100 * analysis.best_within(points, budget)["accuracy"]["test"]
        for budget in budgets
    ]


same_weights = {"family": [], "random hypernetwork": [], "control": []}
for each in families:
    measured = results.read_own(each, results.BASELINES)["points"]
    same_weights["family"].append(within(results.lattice_points(each, 0.1)))
    for source in ("random hypernetwork", "control"):
        same_weights[source] += [
            within(results.drawn(measured, source, draw))
            for draw in range(3)
        ]
sizes = [f"≤ {budget:,}" for budget in budgets]
pd.DataFrame(
    {
        source: np.mean(values, axis=0)
        for source, values in same_weights.items()
    },
    index=sizes,
).T.round(1)

# %% [markdown]
# Up to 12,320 edge parameters the others have little more than pooling on every edge, and the family is 1 to 1.4 points ahead; within 38,304 it is 4 to 5 ahead. But its weights were trained on
# what its own hypernetwork asked for, so that both comparisons favour it.
#
# ## One number instead of three
#
# Would one penalty do? On each of three lines through the centre one penalty varies and the other two are equal: 11 of the 231 points. Hypervolume of each line and of the whole lattice,
# mean ± standard deviation over three trainings:

# %%
lines = {"all of the triangle": np.full(len(S), True)}
for m, operation in enumerate(points[0]["operations"]):
    one, other = (i for i in range(3) if i != m)
    lines[f"only the penalty on {operation} varies"] = np.isclose(
        S[:, one], S[:, other]
    )
rows = {}
for name, where in lines.items():
    areas = [
        analysis.hypervolume(
            [
                p
                for p, on in zip(lattice["points"], where, strict=True)
                if on
            ]
        )
        for lattice in lattices
    ]
    area = f"{np.mean(areas):.3f} ± {np.std(areas, ddof=1):.3f}"
    rows[name] = {"points": where.sum(), "hypervolume": area}
pd.DataFrame(rows).T

# %% [markdown]
# For accuracy against size, one number nearly does: where only the penalty on pooling varies, 11 points have almost the hypervolume of 231. With the penalty on convolution alone, the obvious choice, the
# family keeps far from the smallest sizes, because identity at stride 2 has parameters too. We saw which line is best afterwards. A vector can still ask for what size does not tell: fewer MACs, or less time ({doc}`latency`).
#
# ## Nothing learned
#
# A fair opponent has weights of its own: the same training, with random utilities that never change. Hypervolume as above, and test accuracy in percent of the best member on
# validation within each of the paper's sizes; three trainings of `default`, one of the opponent:


# %%
def measures(each: Family) -> list[float]:
    return [
        analysis.hypervolume(results.lattice_points(each, 0.1)),
        *within(results.read_own(each, results.LATTICE)["points"]),
    ]


learned = np.array([measures(each) for each in families])
opponent = measures(Family.load(published.RANDOM))
digits = [3, 1, 1, 1, 1]
pd.DataFrame(
    {
        "learned utilities": [
            f"{values.mean():.{n}f} ± {values.std(ddof=1):.{n}f}"
            for values, n in zip(learned.T, digits, strict=True)
        ],
        "random utilities": [
            f"{value:.{n}f}"
            for value, n in zip(opponent, digits, strict=True)
        ],
    },
    index=["hypervolume", *sizes],
)

# %% [markdown]
# The opponent does as well. Its hypervolume lies among those of the three trainings; within 5,120 and 12,320 edge parameters it is half a point to a point better, beyond that 0.1 to 0.4 points worse.
# So learning the utilities brings nothing that these trainings show: the weights adapt to whatever order of edges they are trained with. What makes the family is the form, the price,
# and an order that is kept. This is one training, with one of many orders; shorter trainings say the same ({doc}`experiments`).
#
# ## Do trainings agree?
#
# S and the price of parameters say how many edges take an operation; the utilities say which edges come first. If the data preferred an order, three trainings would find similar utilities.
# We correlate them over the 14 edges of a cell, for each operation, and take the mean over operations, cells and pairs of trainings. To see what chance gives, we shuffle the edges of
# each training within its cells, 2,000 times:

# %%
utilities = np.array(
    [
        each.model.hypernetwork.scaled_utility().detach().numpy()
        for each in families
    ]
).reshape(len(families), 2, 14, 3)


def agreement(utilities: np.ndarray) -> float:
    """Mean correlation over the edges, (trainings, cells, edges, operations)."""
    centred = utilities - utilities.mean(axis=2, keepdims=True)
    unit = centred / np.linalg.norm(centred, axis=2, keepdims=True)
    return float(
        np.mean(
            [(a * b).sum(axis=1).mean() for a, b in combinations(unit, 2)]
        )
    )


random = np.random.default_rng(0)
shuffled = []
for _ in range(2000):
    orders = random.permuted(
        np.tile(np.arange(14), (len(families), 2, 1)), axis=2
    )
    shuffled.append(
        agreement(np.take_along_axis(utilities, orders[..., None], axis=2))
    )
found, shuffled = agreement(utilities), np.array(shuffled)
print(f"three trainings: correlation {found:.2f}")
print(f"shuffled: {shuffled.mean():.2f} ± {shuffled.std():.2f}")
print(f"as high by chance: {(shuffled >= found).mean():.3f}")

# %% [markdown]
# They agree, but weakly: most of the order that a training finds differs from one to the next. Why, we did not separate: the estimate of the gradient is noisy, as each of two paths is judged on its own
# half of a batch ({doc}`hypernetwork`), and an early choice strengthens itself, as weights adapt to it.
#
# Where does S leave room? Two trainings see the same penalties, so where their networks differ, the penalties did not decide. And their accuracy differs as well:

# %% mystnb={"image": {"alt": "Two triangles of penalties in colour. On the left the edges in which two trainings differ, on the right the standard deviation of test accuracy over three trainings."}, "figure": {"caption": "Edges, of 28, in which two trainings differ, mean over three pairs (left), and standard deviation of test accuracy over three trainings (right), over the triangle of penalties.", "name": "fig-family-spread"}}
choices = np.array(
    [[p["choice"] for p in lattice["points"]] for lattice in lattices]
)
differing = np.mean(
    [(a != b).sum(axis=1) for a, b in combinations(choices, 2)], axis=0
)
tests = 100 * np.array(
    [
        [p["accuracy"]["test"] for p in lattice["points"]]
        for lattice in lattices
    ]
)
spread = tests.std(axis=0, ddof=1)
figure = plt.figure(figsize=(10.5, 4.2))
for column, (label, values) in enumerate(
    {
        "edges that differ": differing,
        "sd of test accuracy, points": spread,
    }.items(),
    1,
):
    ax = figures.triangle(
        figure.add_subplot(1, 2, column, projection="ternary")
    )
    figures.triangle_map(S, values, label, ax)
figure.subplots_adjust(wspace=0.55, left=0.07, right=0.93)
plt.show()
inside = S.max(axis=1) < 0.45
by_chance = np.mean(
    [
        (np.array(a) != np.array(b)).sum(axis=1)
        for a, b in combinations(untrained, 2)
    ],
    axis=0,
)
for name, where in {"all S < 0.45": inside, "elsewhere": ~inside}.items():
    print(
        f"{name}: {differing[where].mean():.1f} edges differ, {by_chance[where].mean():.1f} between random hypernetworks"
    )
print(
    f"sd over trainings: mean {spread.mean():.2f}, largest {spread.max():.2f}"
)

# %% [markdown]
# Where no penalty exceeds 0.45 two trainings differ in 13 of 28 edges, elsewhere in 8, and random hypernetworks in as many. So the penalties decide near the sides and leave room in the interior and where
# they tie, as they should; but what fills the room is hardly the data. At one S the accuracy of three trainings has a standard deviation of 0.4 points in the mean and 1.4 at most. The best member within one of
# the paper's sizes spreads less, at most 0.3: it is chosen from all S.
#
# ## What can go wrong
#
# - **Taking control for learning.** Correlations near $-1$ say that the form works, not that anything was learned.
# - **Larger is not better everywhere.** One set of weights serves all members, and those that training met seldom are trained least. The largest members are below the best; and in the family of
#   seed 0 the member with identity everywhere has 40,960 edge parameters and 81.8 %. S is a dial of size, not of accuracy.
# - **Three trainings** are few: an interval over three values leans on the assumption that they are normally distributed.
