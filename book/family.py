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
# The result: S moves size in small steps, over 90 to 113 networks in each training. Accuracy depends mostly on one thing: with a convolution in the reduction cell nearly all members have 91 to 92.5 %; without, the median is
# 88 %. None of this needs learned utilities: random ones steer as well, and a family trained with them is as good.
# Trained alone, members have 1.2 points more on average, and nearly the same ranks.
#
# The paper's claim ({cite}`firsov2024`, slide 7, our translation):
#
# > The method can obtain architectures of models by changing the vector of the complexity parameter, without the need for additional fine-tuning.
#
# ## The smallest example
#
# Three vectors, from a high penalty on convolutions to none, with the edges and the edge parameters of the networks they give.

# %%
from dataclasses import replace
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from scipy import stats

from simplexnas.family import Family, describe
from simplexnas.io import records
from simplexnas.latency.table import LatencyTable
from simplexnas.measure import baselines
from simplexnas.measure.lattice import lattice_points
from simplexnas.network.architecture import Architecture
from simplexnas.report import (
    analysis,
    figures,
    paper,
    published,
    statistics,
    tables,
)
from simplexnas.space import cost
from simplexnas.space.search_space import genotype_edges

figures.as_in_the_book()
family = Family.load(published.DEFAULT[0])
for S in ((0.1, 0.1, 0.8), (0.3, 0.4, 0.3), (0.5, 0.5, 0)):
    architecture = family.architecture(S)
    print(S, architecture.counts(), architecture.edge_parameters)

# %% [markdown]
# ## 231 points
#
# `simplexnas lattice` measured the family at every S whose components are multiples of 0.05: inherited weights, no fine-tuning,
# statistics of batch normalisation re-estimated. Several S give the same architecture.

# %%
record = records.read_own(family, records.LATTICE)
points = record.points
S = np.array([point.S for point in points])
architectures = {point.choice for point in points}
test = 100 * np.array([point.accuracy.test for point in points])
print(f"{len(points)} points, {len(architectures)} architectures")
print(f"test accuracy from {test.min():.1f} to {test.max():.1f} %")

# %% tags=["hide-input"] mystnb={"image": {"alt": "Two triangles of penalties in colour. On the left edge parameters, on the right test accuracy of the family's member at each point."}, "figure": {"caption": "Edge parameters (left) and test accuracy (right) over the triangle of penalties.", "name": "fig-family-maps"}}
operations = list(points[0].operations)
figure = plt.figure(figsize=(10.5, 4.2))
grid = figure.add_gridspec(1, 2)
for column, (label, values) in enumerate(
    {
        "edge parameters, thousands": [
            point.edge_parameters / 1e3 for point in points
        ],
        "test accuracy, %": test,
    }.items()
):
    figures.simplex_map(
        S,
        np.array(values),
        label,
        figures.simplex(operations, grid[column]),
    )
figure.subplots_adjust(wspace=0.55, left=0.07, right=0.93)
plt.show()

# %% tags=["full-width"] mystnb={"image": {"alt": "Three triangles of penalties in colour, one for each operation, showing its number of edges at each point."}, "figure": {"caption": "Edges with each operation, of 28, over the triangle of penalties.", "name": "fig-family-operations"}}
figure = plt.figure(figsize=(14, 3.8))
grid = figure.add_gridspec(1, len(operations))
for column, operation in enumerate(operations):
    ax = figures.simplex(operations, grid[column])
    counts = [point.operations[operation] for point in points]
    figures.simplex_map(S, np.array(counts), f"edges with {operation}", ax)
figure.subplots_adjust(wspace=0.7, left=0.05, right=0.95)
plt.show()

# %% [markdown]
# **Accuracy has two levels**, with and without a convolution in the reduction cell; the lower one has a tail down to 82 %. Test accuracy in percent over the different architectures of each of three trainings:

# %% tags=["hide-input"]
families = [Family.load(name) for name in published.DEFAULT]
lattices = [records.read_own(each, records.LATTICE) for each in families]
members = [
    {point.choice: point for point in lattice.points}
    for lattice in lattices
]
convolution = family.space.operations.index("sep_conv_3x3")
found = pd.DataFrame(
    {
        "family": each.name,
        "reduction cell": "with convolution"
        if convolution in choice[14:]
        else "without",
        "test": 100 * point.accuracy.test,
    }
    for each, own in zip(families, members, strict=True)
    for choice, point in own.items()
)
levels = found.groupby(["family", "reduction cell"])["test"]
levels.agg(["min", "median", "max", "count"]).round(1)

# %% tags=["hide-input"]
without, with_one = (
    found.loc[found["reduction cell"] == kind, "test"]
    for kind in ("without", "with convolution")
)
print(f"without: at most {without.max():.2f} %")
upper = with_one.between(91, 92.5).sum()
print(f"with: {upper} of {len(with_one)} have 91.0 to 92.5 %")
small = {
    point.edge_parameters: choice
    for own in members
    for choice, point in own.items()
    if convolution in choice[14:]
}
print(f"with: at least {min(small):,} edge parameters")
assert all(choice[:14].count(convolution) >= 2 for choice in small.values())
unit = records.read_own(describe(published.UNIT), records.LATTICE)
for counts in ((28, 0, 0), (27, 0, 1)):
    (point,) = {
        p.choice: p
        for p in unit.points
        if tuple(p.operations.values()) == counts
    }.values()
    print(
        f"without the price of parameters: {point.operations}, {point.edge_parameters:,} edge parameters, {100 * point.accuracy.test:.1f} %"
    )

# %% [markdown]
# Each convolution of the reduction cell costs 11,968 parameters, as it stands in two cells. Every member that has one also has at least two in the normal cell, so that the smallest is already larger
# than the paper's D (12,320). One convolution there would not be enough: the last line, from the family without a price of parameters ({doc}`time_price`), has it and no other, and is 2 points above pooling everywhere. So
# within the sizes of the paper's B and D our best members hardly differ: in two trainings they are the same network.
#
# Three members of each training: all edges pool, which has no edge parameter at all; the best on validation; the largest.

# %% tags=["hide-input"]
for each, own in zip(families, members, strict=True):
    chosen = {
        "all pool": own[28 * (0,)],
        "best": analysis.best_within(list(own.values()), np.inf),
        "largest": max(own.values(), key=lambda p: p.edge_parameters),
    }
    accuracies = {
        name: point.accuracy.test for name, point in chosen.items()
    }
    assert 0.85 < accuracies["all pool"] < accuracies["largest"]
    assert accuracies["largest"] < accuracies["best"]
    print(
        each.name,
        ", ".join(
            f"{name} {100 * accuracies[name]:.1f} % with {point.edge_parameters:,}"
            for name, point in chosen.items()
        ),
        sep=": ",
    )

pooling = np.mean([own[28 * (0,)].accuracy.test for own in members])
for row in tables.table():
    theirs = row["paper"]["accuracy"]
    distance = row["best"]["accuracy"]["test"] - theirs
    print(
        f"from the paper's {row['name']} to our best within its size: "
        f"pooling everywhere covers {(pooling - theirs) / distance:.0%}"
    )

# %% [markdown]
# **Pooling on every edge is more accurate than each of the paper's four models** (79.2 to 85.0 %): 87 % with these weights. With those of the family without the price of parameters, which trains it less, it has 85.1 % (above). The stem, the preprocessing and the classifier are trained even there. Of the distance from the paper to our
# best within its size it covers 85 % at B, 79 % at D, 49 % at A and 31 % at C.
# And the largest member is never the best.
#
# (steering)=
# ## Does S steer?
#
# The share of an operation should fall as its penalty rises. Below is Spearman's rank correlation ρ between the two over the lattice, for each operation ($-1$ is out of reach, since a number of edges also depends
# on the other two penalties), and how many of the 28 edges change between neighbours, where 0.05 moves from one penalty to another. Three trainings, and twelve *random hypernetworks* of the
# same form, whose utilities are random numbers, and the published method, trained once ({doc}`published_method`):

# %% tags=["hide-input", "full-width"]
with torch.no_grad():
    everywhere = torch.from_numpy(S).float()
    untrained = [
        baselines.random_hypernetwork(family, seed)(everywhere)
        .argmax(dim=-1)
        .tolist()
        for seed in range(12)
    ]


def steering(measured: list[records.Point]) -> dict:
    """How S moves the edges over a lattice of points, of which S, choice and operations count."""
    correlations = analysis.steering_correlations(measured)
    changes = analysis.changes_per_step(measured, 0.05)
    return {
        **{f"ρ, {name}": value for name, value in correlations.items()},
        "edges changed per step": changes["mean"],
        "at most": changes["max"],
        "architectures": len({p.choice for p in measured}),
    }


def without_data(choices: list[list[int]]) -> list[records.Point]:
    return [
        replace(
            point,
            choice=tuple(choice),
            operations=Architecture(family.space, choice).counts(),
        )
        for point, choice in zip(points, choices, strict=True)
    ]


lines = {
    each.name: steering(lattice.points)
    for each, lattice in zip(families, lattices, strict=True)
}
drawn = pd.DataFrame([steering(without_data(each)) for each in untrained])
lines["random hypernetworks, mean"] = drawn.mean()
ours = pd.DataFrame(lines).T
assert (ours.filter(like="ρ") < -0.9).all(axis=None)
theirs = Family.load(published.PAPER)
published_points = records.read_own(theirs, records.LATTICE).points
lines["published method"] = steering(published_points)
found = pd.DataFrame(lines).T
shown = found.map("{:.2f}".format)
shown["edges changed per step"] = found["edges changed per step"].map(
    "{:.1f}".format
)
for column in ("at most", "architectures"):
    shown[column] = found[column].map("{:.0f}".format)
shown

# %% [markdown]
# Random utilities steer nearly as well. Steering is in the form, a utility minus a price ({doc}`hypernetwork`), and not a result of training. The published method steers nearly as well, but in leaps of up to 15 edges (see below); there
# the price alone teaches it ({doc}`published_method`).

# %% [markdown]
# ## All at once, or one after another?
#
# Lat is linear in the probabilities. Where it is least, every edge takes the operation of least penalty, and all edges
# change their mind at the same S: a switch, not a dial. Below, the penalty on convolutions rises along the line from $(\frac12, \frac12, 0)$ to
# $(0, 0, 1)$, and the number of convolutions falls
#
# - at one point where the linear price of the author's loss is least,
# - at two with a price that also counts parameters,
# - in small steps with utilities that differ from edge to edge,
# - and nearly at one point again with the published hypernetwork, as trained: from 22 to 0 between 0.23 and 0.37, where the trained family needs 0 to 0.55.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Step lines of the number of convolution edges against the penalty on convolutions: one falls from 28 to 0 at one third, the second in two steps, the third gradually, the fourth within a short stretch around one third."}, "figure": {"caption": "Convolutions along a line of S, by the linear price alone, by the price with parameters, in our trained family and in that of the published method.", "name": "fig-family-switching"}}
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
        "published method, trained": theirs.model.hypernetwork(line),
    }
convolving = {
    name: (score.argmax(dim=-1) == convolution).sum(dim=1).numpy()
    for name, score in scores.items()
}
falls = convolving["published method, trained"]
assert (
    set(falls[penalty < 0.23]) == {22} and not falls[penalty > 0.37].any()
)
for kind in ("parameters", "macs"):
    costs = cost.relative_costs(kind, space)
    assert not costs[:, 0].any(), "pooling is free at every S"
figures.switching(
    penalty, convolving, len(genotype_edges(space)), "convolution"
)
plt.show()

# %% [markdown]
# A price by parameters or by MACs alone would not make the steps smaller: pooling has neither, so that a convolution is never cheaper, whatever the penalties. Measured time can be the price ({doc}`time_price`); it is linear in the probabilities too. It is the utilities that spread the switches.

# %% [markdown]
# A second route to the same choices, without the hypernetwork's code: every edge takes the operation of least $S_m - v_m$
# ({doc}`hypernetwork`), where $v$ is its utility minus its price at $S = 0$.

# %%
utility = family.model.hypernetwork.scaled_utility().detach()
price = cost.price(
    torch.zeros(1, 3), family.space, family.config.parameter_price
)[0]
least = (S[:, None, :] - (utility - price).numpy()).argmin(axis=-1)
assert np.array_equal(least, [point.choice for point in points])

# %% [markdown]
# ## Accuracy against size
#
# The *front* holds the members that no other member beats in both size and validation accuracy; it is drawn with test accuracy. Beside it, with the same weights:
#
# - the front of a *random hypernetwork*: the same form, a utility minus a price, but with utilities drawn at random;
# - the front of the data-free *control* of {doc}`experiments`;
# - 30 *random architectures*, each with shares of the three operations drawn at random.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Test accuracy against total parameters on a logarithmic axis. The front of the family lies above the fronts of the random hypernetwork and of the control nearly everywhere; random architectures scatter below."}, "figure": {"caption": "The family of seed 0, a random hypernetwork and a control (one draw of each), with the same weights. Fronts over 66 points S, chosen on validation.", "name": "fig-family-front"}}
baselines = records.read_own(family, records.BASELINES).points
(random_ones,) = tables.drawn(baselines, "random architecture")
figures.fronts(
    {
        "family": analysis.front(lattice_points(family, 0.1)),
        "random hypernetwork": analysis.front(
            tables.drawn(baselines, "random hypernetwork")[0]
        ),
        "control": analysis.front(tables.drawn(baselines, "control")[0]),
        "all members of the family": points,
        "random architectures": random_ones,
    },
    lines=3,
)
plt.ylim(75, 94)
below = sum(p.accuracy.test < 0.75 for p in random_ones)
print(f"random architectures below 75 %, not drawn: {below}")
plt.show()

# %% [markdown]
# The *hypervolume* is the part of the unit square that a front dominates. One axis is the logarithm of total parameters, 0 at the smallest network (20,506) and 1 at the one of convolutions only (199,258);
# the other is the error divided by 30 %. So the reference point (1, 1) has 70 % accuracy at the largest size.
# The table has it for the same 66 points, all three trainings, and for each training three draws of random hypernetwork and control, and the 30 random architectures: number of different networks, mean and 95 % interval over the trainings (Student's t), and how far each is behind the family with the
# same weights. Then test accuracy of the member that is best on validation within each of the paper's sizes, mean over trainings and draws:

# %% tags=["hide-input", "full-width"]
volumes = tables.hypervolumes(
    [each.description for each in families]
).set_index("of")
assert (volumes.drop("family")["high"] < volumes.loc["family", "low"]).all()
sizes = [f"≤ {budget:,}" for budget in paper.BUDGETS]


def within(points: list[records.Point]) -> list[float]:
    """Test accuracy in percent of the member that is best on validation within each size; nan where there is none."""
    return [
        100 * analysis.accuracy_within(points, budget)
        for budget in paper.BUDGETS
    ]


def measured(each: Family, source: str) -> list[list[records.Point]]:
    """The points of every draw: 66, of random architectures 30."""
    if source == "family":
        return [lattice_points(each, 0.1)]
    points = records.read_own(each, records.BASELINES).points
    return tables.drawn(points, source)


def interval(line, name: str, low: str, high: str) -> str:
    return f"{line[name]:.3f} ({line[low]:.3f} to {line[high]:.3f})"


lines = {}
for source, line in volumes.iterrows():
    draws = [own for each in families for own in measured(each, source)]
    different = [len({p.choice for p in own}) for own in draws]
    accuracies = np.mean([within(own) for own in draws], axis=0)
    lines[source] = {
        "networks": " to ".join(
            map(str, sorted({min(different), max(different)}))
        ),
        "hypervolume": interval(line, "mean", "low", "high"),
        "behind the family": interval(
            line, "behind", "behind low", "behind high"
        ),
    } | {
        size: "–" if np.isnan(value) else f"{value:.1f}"
        for size, value in zip(sizes, accuracies, strict=True)
    }
lines["family"]["behind the family"] = "–"
pd.DataFrame(lines).T

# %% [markdown]
# The intervals do not overlap: the family is ahead of all three. (None of the random architectures is small.) Up to 38,304 edge parameters the control's best is pooling everywhere. The family is 1.1 to 1.4 points ahead within the two smallest sizes, 4 to 5 within 38,304,
# about 2 within 143,488. But its weights were trained on what its own hypernetwork asked for, so that the comparison favours it. The next two sections look into that.
#
# ## Weights of their own
#
# A fair opponent of the learned utilities has weights of its own: the same training, with random utilities that never change. So has the published method ({doc}`published_method`), trained for
# 5 epochs, where ours have 24. Hypervolume over all 231 points, and test accuracy in percent of the best member on
# validation within each of the paper's sizes; three trainings of `default`, one of each opponent:


# %% tags=["hide-input"]
def measures(each: Family) -> list[float]:
    whole = records.read_own(each, records.LATTICE).points
    return [
        analysis.hypervolume(whole, each.space),
        *within(whole),
        len(analysis.front(whole)),
        min(point.edge_parameters for point in whole),
        each.description.training_seconds,
    ]


def written(values, digits: list[int]) -> list[str]:
    return [
        "–" if np.isnan(value) else f"{value:,.{n}f}"
        for value, n in zip(values, digits, strict=True)
    ]


learned = np.array([measures(each) for each in families])
digits = [3, 1, 1, 1, 1, 0, 0, 0]
means, sds = (
    written(values, digits)
    for values in (learned.mean(axis=0), learned.std(axis=0, ddof=1))
)
compared = pd.DataFrame(
    {
        "learned utilities": [
            f"{mean} ± {sd}" for mean, sd in zip(means, sds, strict=True)
        ],
        "random utilities": written(
            measures(Family.load(published.RANDOM)), digits
        ),
        "published method": written(measures(theirs), digits),
    },
    index=[
        "hypervolume",
        *sizes,
        "networks on the front",
        "edge parameters of the smallest",
        "seconds of training",
    ],
)
compared

# %% [markdown]
# **Random utilities do as well.** Within the two smallest sizes they are about 0.8 points better, beyond that 0.1 to 0.4 points worse. (That three trainings agree to 0.0 is chance: on 10,000 images one accuracy is uncertain by 0.3.)
# So learning the utilities brings nothing that these trainings show. A likely reason is that the weights adapt to the order of edges they are trained with: the same kind of random utilities, put on weights that were trained with
# another order, is 0.085 of hypervolume behind (table above). This is one training, with one of many orders; short ones are in {doc}`ablation`.
#
# **What the published method lacks are small networks.** Within C's size it is as accurate as ours, in half the time. But as trained, its hypernetwork never takes pooling on more than 20 of the 28 edges, even where pooling
# is free; at its smallest it keeps four identities with stride 2, 5,120 parameters each. That is one training: of a hundred on the price alone, which make nearly the choices of whole ones, 60 have a network within D's size and 25 within B's after 10 epochs, 79 and 45 after 20 ({ref}`without-images`). The price of parameters is not what
# makes the difference: our training without it has a network of no edge parameters, 92.7 % within A's size, and 0.669 of hypervolume. It is the form: with a utility minus a price, large penalties on the
# others always mean pooling everywhere.
#
# (members-alone)=
# ## Inherited, or trained alone
#
# Inherited weights are a compromise: one set serves all members. How accurate would a network be with weights of its own, and does inherited accuracy rank networks as training each alone would?
# `simplexnas retrain` trained 30 networks from scratch: 20 members of the family of seed 0, evenly spaced in the order of their size, and 10 random architectures, drawn like those above. Optimiser, augmentation and
# re-estimated statistics are those of the family. Each had 6 epochs to itself, once; the shared weights had 24 for all members together. More epochs may add accuracy.
#
# Means of test accuracy in percent, for networks with and without a convolution in the reduction cell; the *gap* is alone minus inherited, with its standard deviation over networks; Kendall's τ is 1 if both rank the networks alike, 0 if the ranks are unrelated:

# %% tags=["hide-input", "full-width"]
retrained = records.read_own(family, records.RETRAINED).points
groups = {
    "members": [p for p in retrained if p.source == "family"],
    "random architectures": [p for p in retrained if p.source == "random"],
}


def on_test(own: list[records.Point], key: str = "accuracy") -> np.ndarray:
    return np.array([getattr(point, key).test for point in own])


def compared_alone(own: list[records.Point]) -> dict:
    inherited, trained = on_test(own), on_test(own, "retrained")
    gap = 100 * (trained - inherited)
    return {
        "networks": len(own),
        "inherited": f"{100 * inherited.mean():.1f}",
        "alone": f"{100 * trained.mean():.1f}",
        "alone, range": f"{100 * trained.min():.1f} to {100 * trained.max():.1f}",
        "gap": f"{gap.mean():.1f} ± {gap.std(ddof=1):.1f}",
        "largest gap": f"{gap.max():.1f}",
        "Kendall's τ": f"{statistics.agreement(inherited, trained)['tau']:.2f}",
    }


def convolves(point: records.Point) -> bool:
    """Whether a convolution is in the reduction cell."""
    return convolution in point.choice[14:]


lines = {}
for name, own in groups.items():
    lines |= {
        name: own,
        f"{name}, with": [p for p in own if convolves(p)],
        f"{name}, without": [p for p in own if not convolves(p)],
    }
lines["all"] = retrained
pd.DataFrame({name: compared_alone(own) for name, own in lines.items()}).T

# %% tags=["hide-input", "full-width"] mystnb={"image": {"alt": "Left: points of 20 members lie on or a little above the line of equal accuracy; points of ten random architectures far above it, at 79 to 87 percent inherited and 89 to 94 alone. Right: accuracy alone mostly rises with size, for members and random architectures alike; the best lie above the front of inherited accuracy."}, "figure": {"caption": "Left: test accuracy of 30 networks trained alone, against that with inherited weights; on the line both are equal. Right: the same networks trained alone, against size, beside the front of the family with inherited weights.", "name": "fig-family-retrained"}}
axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")[1]
figures.retrained(groups, axes[0])
figures.fronts(
    {"front of the family, inherited": analysis.front(points)}
    | {
        f"{name}, alone": [replace(p, accuracy=p.retrained) for p in own]
        for name, own in groups.items()
    },
    axes[1],
)
plt.show()

# %% [markdown]
# **Members are on average 1.2 points below what 6 epochs alone give them,** and both rank them much alike, also among those with a convolution in the reduction cell (τ 0.75) and those without (0.71). With one the gap is 0.6 points, without 2.1, and largest, 5.1, where inherited accuracy is lowest.
# The largest member, 104,416 edge parameters, has 91.5 % inherited, which is not the best of the family, but 93.5 % alone, which is the best of the 20. That large members gain so little from their size may be a price of sharing, or of how seldom training draws them.
#
# **Random architectures gain 8.5 points,** and we see no relation between their accuracies inherited and alone (ten networks are few). With inherited weights they are far behind the members; alone, are they still?

# %% tags=["hide-input"]
leads, better = [], []
for point in groups["random architectures"]:
    size, test = point.edge_parameters, point.retrained.test
    nearest = min(
        (p for p in groups["members"] if convolves(p) == convolves(point)),
        key=lambda p: abs(p.edge_parameters - size),
    )
    leads.append(100 * (test - nearest.retrained.test))
    best = max(
        (p for p in groups["members"] if p.edge_parameters <= size),
        key=lambda p: p.retrained.validation,
    )
    if best.retrained.test > test:
        better.append(convolves(best) != convolves(point))
print(
    f"alone, a random architecture minus the nearest member in size of its kind: "
    f"{np.mean(leads):+.1f} points on average, {min(leads):+.1f} to {max(leads):+.1f}"
)
print(
    f"alone, the best member (on validation) of at most its size is ahead of it in {len(better)} of {len(leads)} cases, in {sum(better)} of them it alone has such a convolution"
)

# %% [markdown]
# **Alone, a random architecture is nearly as accurate as the member of its kind that is nearest in size:** 0.2 points below on average, at most 0.8 (three of the ten are larger than every member). So most of the distance between them, above, is one of weights, presumably as the shared ones fit what training drew.
# Not all: members of 15,968 edge parameters already have a convolution in the reduction cell, random architectures of 30,720 may have none. The best of the members of at most its size, chosen among 5 to 20, is ahead of a random architecture in eight of ten cases,
# in two of the eight for that reason.
#
# ## Which weights rank architectures?
#
# A search with shared weights trusts that inherited accuracy ranks networks as their own training would. `simplexnas rank` measured the same 30 networks with other weights: of our other trainings, of the published method, and of three
# short trainings with ever softer choices (with a fortieth of the gain they are nearly random: a penalty lower by 0.5 makes an operation 1.6 times as likely). The members are of the family of seed 0: other weights were not trained for them, though our other families have similar ones.
# The last lines use no weights, but count.
#
# Gap (alone minus inherited, in points) and Kendall's τ. Over all 30 also its 95 % interval, and that of how far it is behind the τ of counting MACs; both from a bootstrap that draws 20 times among the members and 10 times among the random architectures, the same
# networks for every line:

# %% tags=["hide-input", "full-width"]
inherited = {"the family's own": on_test(retrained)} | {
    words: on_test(records.read_ranked(name).points)
    for name, words in published.RANKING.items()
}
counted = {
    words: np.array([getattr(point, key) for point in retrained])
    for words, key in (
        ("edge parameters", "edge_parameters"),
        ("MACs", "macs"),
    )
}
source = np.array([point.source for point in retrained])
chosen = {
    "members": source == "family",
    "random": source == "random",
    "all": np.full(len(source), True),
}
trained_alone = on_test(retrained, "retrained")
resampled = statistics.resampled_taus(
    inherited | counted, trained_alone, source
)
lines = {}
for words, values in (inherited | counted).items():
    found = {
        name: statistics.agreement(values[which], trained_alone[which])
        for name, which in chosen.items()
    }
    lines[words] = {
        f"gap, {name}": "–" if words in counted else f"{each['gap']:.1f}"
        for name, each in found.items()
    } | {f"τ, {name}": f"{each['tau']:.2f}" for name, each in found.items()}
    low, high = statistics.percentile_interval(resampled[words])
    lines[words]["95 % of τ, all"] = f"{low:.2f} to {high:.2f}"
    low, high = statistics.percentile_interval(
        resampled["MACs"] - resampled[words]
    )
    lines[words]["behind MACs, 95 %"] = (
        "–" if words == "MACs" else f"{low:+.2f} to {high:+.2f}"
    )
for name in (published.QUICK[0], *published.SOFTER):
    own = records.read_lattice(name).points
    print(
        f"{published.RANKING[name]}: hypervolume {analysis.hypervolume(own, space):.3f}, "
        f"best within A's size {100 * analysis.accuracy_within(own, paper.PAPER['A'][2]):.1f} %"
    )
pd.DataFrame(lines).T

# %% [markdown]
# **Seed 0's weights rank their own members** with τ 0.87, those of our other trainings of 24 epochs rank the same networks with 0.39 to 0.64. Among the ten random architectures no relation is seen with any of them. The gap grows accordingly: 1.2 points, 2.7 to 4.5, and 8.5 to 10.5.
#
# **Two sets of weights rank all 30:** those of the published method (τ 0.77) and of three epochs of nearly random choices (0.82; with a fourth of the gain 0.26, with all of it $-0.43$). Presumably that is because training ran every operation on every edge often. But both
# are 8 points below training alone, and their families are worse where networks are small: with nearly random choices hypervolume (on 15 points S) falls from 0.54 to 0.44, the best within A's size from 86.7 to 80.9 %. So to rank any architecture and to have accurate members of every size
# are two aims, and none of these trainings serves both. A share of steps with random choices might; we did not try it.
#
# **Counting MACs ranks about equally well,** and nothing need be trained: the 30 with τ 0.80, the members with 0.84. All this is of one sample of networks, each trained alone once; the differences of τ in the last column do not tell the three apart, though they do tell them from the other weights. Counting edge parameters is slightly worse than counting MACs.
#
# ## Do trainings agree?
#
# S and the price of parameters say how many edges take an operation; the utilities say which edges come first. If the data preferred an order, three trainings would find similar utilities.
# We correlate them over the 14 edges of a cell, for each operation, and take the mean over operations, cells and pairs of trainings. To see what chance gives, we shuffle the edges of
# each training within its cells, 2,000 times; then only among the edges that leave an input of the cell, and among the others:

# %% tags=["hide-input"]
utilities = np.array(
    [
        each.model.hypernetwork.scaled_utility().detach().numpy()
        for each in families
    ]
).reshape(len(families), 2, 14, 3)
from_input = np.array(
    [edge.source < 2 for edge in genotype_edges(space)[:14]]
)


def agreement(utilities: np.ndarray) -> np.ndarray:
    """Mean correlation over the edges of (trainings, cells, edges, operations), for each pair of trainings."""
    centred = utilities - utilities.mean(axis=2, keepdims=True)
    unit = centred / np.linalg.norm(centred, axis=2, keepdims=True)
    return np.array(
        [(a * b).sum(axis=1).mean() for a, b in combinations(unit, 2)]
    )


def shuffled(groups: list[np.ndarray]) -> np.ndarray:
    """The mean agreement after shuffling the edges within each group, 2,000 times."""
    random, found = np.random.default_rng(0), []
    for _ in range(2000):
        order = np.tile(np.arange(14), (len(families), 2, 1))
        for group in groups:
            order[..., group] = random.permuted(order[..., group], axis=2)
        moved = np.take_along_axis(utilities, order[..., None], axis=2)
        found.append(agreement(moved).mean())
    return np.array(found)


found = agreement(utilities)
print(f"pairs of trainings: {found.round(2)}, mean {found.mean():.2f}")
for name, groups in {
    "within cells": [np.full(14, True)],
    "within kinds of edge": [from_input, ~from_input],
}.items():
    chance = shuffled(groups)
    print(
        f"shuffled {name}: {chance.mean():.2f} ± {chance.std():.2f}, "
        f"as high by chance {(chance >= found.mean()).mean():.3f}"
    )

# %% [markdown]
# They agree weakly, 0.18 on average, mostly because of one pair. Some of that the price alone can give, as it treats edges from a cell's inputs differently; shuffled within each kind of edge, where prices are equal, chance gives
# as much in 4 % of cases. Why not more, we did not separate: the estimate of the gradient is noisy, as each of two paths is judged on its own
# half of a batch ({doc}`hypernetwork`), and an early choice strengthens itself, as weights adapt to it.
#
# Where does S leave room? Two trainings see the same penalties, so where their networks differ, the penalties did not decide. Does accuracy differ there too?

# %% tags=["hide-input"] mystnb={"image": {"alt": "Two triangles of penalties in colour. On the left the edges in which two trainings differ, on the right the standard deviation of test accuracy over three trainings."}, "figure": {"caption": "Edges, of 28, in which two trainings differ, mean over three pairs (left), and standard deviation of test accuracy over three trainings (right), over the triangle of penalties.", "name": "fig-family-spread"}}
choices = np.array(
    [[p.choice for p in lattice.points] for lattice in lattices]
)
convolves = (choices[:, :, 14:] == convolution).any(axis=2)
assert (convolves == convolves[0]).all(), "at every S all three or none"
differing = np.mean(
    [(a != b).sum(axis=1) for a, b in combinations(choices, 2)], axis=0
)
tests = 100 * np.array(
    [[p.accuracy.test for p in lattice.points] for lattice in lattices]
)
spread = tests.std(axis=0, ddof=1)
figure = plt.figure(figsize=(10.5, 4.2))
grid = figure.add_gridspec(1, 2)
for column, (label, values) in enumerate(
    {
        "edges that differ": differing,
        "sd of test accuracy, points": spread,
    }.items()
):
    figures.simplex_map(
        S, values, label, figures.simplex(operations, grid[column])
    )
figure.subplots_adjust(wspace=0.55, left=0.07, right=0.93)
plt.show()
by_chance = np.mean(
    [
        (np.array(a) != np.array(b)).sum(axis=1)
        for a, b in combinations(untrained, 2)
    ],
    axis=0,
)
ordered = np.sort(S, axis=1)
gap = ordered[:, 1] - ordered[:, 0]
for name, where in {
    "two smallest penalties at most 0.2 apart": gap < 0.225,
    "more than 0.2 apart": gap > 0.225,
}.items():
    print(
        f"{name}: {differing[where].mean():.1f} edges differ, {by_chance[where].mean():.1f} between random hypernetworks"
    )
correlation = stats.spearmanr(differing, spread)[0]
print(f"rank correlation of the two maps: {correlation:.2f}")
print(
    f"sd of accuracy: mean {spread.mean():.2f}, largest {spread.max():.2f}, "
    f"where 14 edges or more differ {spread[differing >= 14].mean():.2f}"
)

# %% [markdown]
# Where one operation is clearly the cheapest, the penalties decide; where the two cheapest are close, they leave room, as they should. What fills it is hardly the data: random hypernetworks differ as much.
# We see no relation to accuracy: the two maps are unrelated, and where half of the edges differ its standard deviation is 0.5 points. On what matters most, whether the reduction cell has a convolution, the three trainings agree
# at every S. So which edges come first matters little, if the weights were trained with that order; put another order on them, and it matters (0.085 of hypervolume, above).
#
# (one-number)=
# ## One number instead of two
#
# Two of the three penalties are free. Would one do? On each of three lines through the centre one penalty varies and the other two are equal: 11 of the 231 points. Hypervolume as above, and test accuracy of the member
# that is best on validation within 12 million MACs, and within 4 ms for one image (predicted, {doc}`timing`); means over three trainings, the hypervolume with its standard deviation:

# %% tags=["hide-input"]
table = LatencyTable.load(published.TIMED_TABLE, space)
timed = [table.with_predictions(lattice.points, 1) for lattice in lattices]
lines = {"all S": np.full(len(S), True)}
for m, operation in enumerate(points[0].operations):
    one, other = (i for i in range(3) if i != m)
    lines[f"only the penalty on {operation} varies"] = np.isclose(
        S[:, one], S[:, other]
    )


rows, on_validation = {}, {}
for name, where in lines.items():
    chosen = [
        [p for p, on in zip(own, where, strict=True) if on] for own in timed
    ]
    areas, on_validation[name] = (
        [analysis.hypervolume(own, space, split) for own in chosen]
        for split in ("test", "validation")
    )
    rows[name] = {
        "points": where.sum(),
        "hypervolume": f"{np.mean(areas):.3f} ± {np.std(areas, ddof=1):.3f}",
    } | {
        label: f"{100 * np.mean([analysis.accuracy_within(own, budget, size) for own in chosen]):.1f}"
        for label, budget, size in (
            ("≤ 12 M MACs", 12e6, "macs"),
            ("≤ 4 ms", 4, "latency_ms"),
        )
    }
order = sorted(
    on_validation, key=lambda name: -np.mean(on_validation[name])
)
assert order[:2] == ["all S", "only the penalty on pool varies"]
for m, operation in enumerate(points[0].operations):
    fine = np.linspace(0, 1, 1001)[:, None]
    grid = np.where(np.arange(3) == m, fine, (1 - fine) / 2)
    fast = []
    for each in families:
        with torch.no_grad():
            scores = each.model.hypernetwork(torch.from_numpy(grid).float())
        on_line = {tuple(c) for c in scores.argmax(dim=-1).tolist()}
        fast.append(
            sum(
                table.predict(Architecture(space, choice), 1) <= 4
                for choice in on_line
                if convolution in choice[14:]
            )
        )
    print(
        f"penalty on {operation}, 1,001 points: {fast} networks within 4 ms have a convolution in the reduction cell"
    )
pd.DataFrame(rows).T

# %% [markdown]
# For accuracy against size, and against MACs, one number nearly does: where only the penalty on pooling varies, 11 points have almost the hypervolume of 231. We saw afterwards which line is best; on
# validation images it is the same. For time the 11 points of none of our three lines do: within 4 ms all S give 91.3 %, the best line 88.2 %. What
# is missing is a network within 4 ms with a convolution in the reduction cell. On a grid of 1,001 points the line of identity has some, in two of three trainings, the other lines have none (printed above); we did not measure them.
# Another single number, such as a price along measured time, we did not try.
#
# ## What can go wrong
#
# - **Larger is not better everywhere.** One set of weights serves all members, and those that training met seldom are trained least. In the family of
#   seed 0 the member with identity everywhere has 40,960 edge parameters and 81.8 %. S is a dial of size, not of accuracy.
# - **Three trainings** are few: an interval over three values leans on the assumption that they are normally distributed.
