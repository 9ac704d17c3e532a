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
# # Do data choose? The published method, trained
#
# In short:
#
# - The published method, trained by us, steers as the paper says, and its networks are 6 to 11 points more accurate than the paper's.
# - With $\kappa = 50$, from the author's code (the slides name none), the price teaches it, and data have hardly a say.
# - Being ahead of the control, networks of the same S chosen without data, does not show that data chose.
#
# ## What it gives
#
# The `paper` preset has the objective, $\kappa = 50$, the hypernetwork and the relaxed samples of the author's code {cite}`firsovcode`, its batches of 64 and about its number of steps (4,295; there 4,690). Optimiser (also the
# hypernetwork's: one-cycle rate, no weight decay), number of images and classifier are ours (the author's is generated from S), and there is no augmentation. One training, seed 0.
#
# Test accuracy in percent, with the discrete network of each S:

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import HTML, display

from simplexnas.family import Family
from simplexnas.io import records
from simplexnas.measure import price_alone
from simplexnas.report import figures, published, tables

figures.as_in_the_book()
rows = tables.table()
trained = Family.load(published.PAPER)
points = records.read_own(trained, records.PAPER_POINTS).points
shown = {
    row["name"]: {
        "paper": f"{100 * row['paper']['accuracy']:.1f}",
        "edge parameters, paper": f"{row['paper']['edge_parameters']:,}",
        "pool / identity / convolution, paper": " / ".join(
            map(str, row["paper"]["operations"].values())
        ),
    }
    | {way: f"{100 * value.test:.1f}" for way, value in point.ways.items()}
    | {
        "edge parameters": f"{point.edge_parameters:,}",
        "pool / identity / convolution": " / ".join(
            map(str, point.operations.values())
        ),
    }
    for row, point in zip(rows, points, strict=True)
}
display(HTML(pd.DataFrame(shown).to_html(border=0)))
for row, point in zip(rows, points, strict=True):
    ways = {way: value.test for way, value in point.ways.items()}
    control = [draw.accuracy.test for draw in point.control]
    assert max(ways.values()) - min(ways.values()) < 0.03
    assert (
        ways["discrete"] - ways["discrete, statistics of training"] < 0.012
    )
    assert min(ways.values()) - row["paper"]["accuracy"] > 0.058
    assert max(ways.values()) - row["paper"]["accuracy"] < 0.11
    assert ways["discrete"] > max(control)
spreads = {
    way: max(p.ways[way].test for p in points)
    - min(p.ways[way].test for p in points)
    for way in points[0].ways
}
print(
    "largest minus smallest accuracy:",
    ", ".join(
        f"{way} {100 * spread:.1f}" for way, spread in spreads.items()
    ),
)

# %% mystnb={"image": {"alt": "Bars of the number of pooling, identity and convolution edges in the models of the paper and in those of the published method trained by us, for A, B, C and D"}, "figure": {"caption": "Edges per operation: the paper's models and the published method as we trained it, at the same S.", "name": "fig-published-operations"}}
counts = {}
for row, point in zip(rows, points, strict=True):
    counts[f"{row['name']}\npaper"] = row["paper"]["operations"]
    counts[f"{row['name']}\ntrained by us"] = point.operations
figures.operation_bars(
    counts, plt.subplots(figsize=(9, 3.4), layout="constrained")[1]
)
plt.show()

# %% [markdown]
# **It steers.** B has no convolution, C no pooling, D no identity, nearly as in the paper (D: one). Where operations tie, the counts differ from the paper's by up to 6 edges, as trainings do ({doc}`latency`). On the 231 points of
# the lattice there are 66 different networks; with re-estimated statistics they have 86 to 92 %.
#
# **Any of the ways will do,** at these four S. They differ by at most 3 points; even with the statistics of training, the averages that batch normalisation kept from it, the discrete networks lose at most 1.2 points.
#
# **The paper's accuracies are no limit of its method.** All of ours are 6 to 11 points above them. But only at C do sizes match, 146,688 and 143,488 edge parameters: 92.1 against 85.0 %, by another training. The networks of A, B and D have
# 2.6, 5 and 9 times the paper's edge parameters (2.0, 1.8 and 4.0 times its total parameters), so their gaps are partly size.
#
# (have-data-a-say)=
# ## Have data a say?
#
# We trained the same hypernetwork, from the same initial values and on the same S, on $\mathsf{Lat}$ alone: no images, no network (`simplexnas price-alone`). Now we compare the choices of the two on the whole lattice; and,
# for scale, with those from another seed.

# %% tags=["hide-input"]
total = 28 * len(records.read_own(trained, records.LATTICE).points)
for seed, unlike in price_alone.unlike(published.PAPER).items():
    assert unlike / total < 0.001 or seed
    print(
        f"seed {seed}: {unlike} of {total:,} choices differ from those of the price alone"
    )

# %% [markdown]
# **Hardly.** With $\kappa = 50$ the architectures follow from initial values, the S drawn and the price; the weights are what learns from data. From another seed more than half of the choices differ. So the steering seen
# in the paper's table needs no data, and its counts are what such trainings give ({ref}`without-images`).
#
# **Which network has the paper's accuracy?** The author's evaluator draws mixtures {cite}`firsovcode`, while the parameter column counts the operations of a discrete network, so the two
# columns may not describe the same network. Our training does not settle it: mixtures and discrete networks differ too little. Over the four S our six ways spread by 4.2 to 6.9 points, the paper's models by 5.8; that does not help either.
#
# **What would a smaller $\kappa$ do?** We trained once for each, for half an epoch: a tenth of the steps, with ten times the rate of the hypernetwork; the line of $\kappa = 50$ checks this shortcut. The table has, on a lattice of 15 points, the
# rank correlation of S with the number of edges of each operation, the number of different architectures, their edge parameters, mean test accuracy, and the share of choices that differ from those of the price alone:

# %% tags=["hide-input", "full-width"]
sweep = tables.steering_table(published.KAPPA, ["kappa"])
lattices = [records.read_lattice(name).points for name in published.KAPPA]
shares = [
    price_alone.unlike(name)[0] / (28 * len(points))
    for name, points in zip(published.KAPPA, lattices, strict=True)
]
sweep["unlike the price alone, %"] = [
    f"{100 * share:.1f}" for share in shares
]
display(HTML(sweep.to_html(index=False, border=0)))
assert shares == sorted(shares, reverse=True)
convolution = trained.space.operations.index("sep_conv_3x3")
for when, choices in {
    "before": price_alone.choices(published.KAPPA[0])[0],  # no step
    "after": np.array([point.choice for point in lattices[0]]),
}.items():
    found = (choices == convolution).sum(axis=1).mean()
    print(f"convolutions without a price, {when}: {found:.1f} of 28")
assert 0.1 < shares[1] < 0.13 and max(shares[2:]) < 0.01

# %% [markdown]
# **The price steers, at every $\kappa$ tried but 0.** The correlations hardly depend on it, since the optimiser of the hypernetwork divides a gradient by its size.
#
# **The cross-entropy moves choices where the price is absent or weak.** Without a price (the line then compares with the initial values) it changes 30 % of them, towards convolution: 15.5 edges instead of 12.9 on average. S then moves next to nothing: six networks, all of about 135,000 edge
# parameters. At $\kappa = 0.1$ it changes 12 % of the choices, from 1 on less than 1 %. How much of this is signal, one training does not say, since that optimiser moves logits as fast on noise.
#
# One training for each $\kappa$, seed 0; our variant's 0.02 was not tried here. Mean accuracy follows mean size; which choices are better, these trainings do not resolve.

# %% [markdown]
# ## The control, with two sets of weights
#
# The control of {doc}`experiments` chooses on every edge an operation of least penalty: its networks depend on S and chance alone. So the same twelve networks were measured twice: with the weights of the published method, trained once, and with those of our three families.
# Test accuracy in percent; the last line of each S is the network that the published method itself has there:

# %% tags=["hide-input", "full-width"]
lines, gains = [], []
for row, point in zip(rows, points, strict=True):
    ours = [run["runs"] for run in row["control"]["runs"]]
    for draw, theirs in enumerate(point.control):
        same = [run[draw] for run in ours]
        for network in same:
            assert network["edge_parameters"] == theirs.edge_parameters
            assert network["macs"] == theirs.macs
        assert point.ways["discrete"].test > theirs.accuracy.test
        lines.append(
            {
                "S": row["name"],
                "network": f"control, draw {draw + 1}",
                "edge parameters": f"{theirs.edge_parameters:,}",
                "weights of the published method": f"{100 * theirs.accuracy.test:.1f}",
                "our weights, seeds 0, 1, 2": ", ".join(
                    f"{100 * network['accuracy']['test']:.1f}"
                    for network in same
                ),
            }
        )
    lines.append(
        {
            "S": row["name"],
            "network": "published method's own",
            "edge parameters": f"{point.edge_parameters:,}",
            "weights of the published method": f"{100 * point.ways['discrete'].test:.1f}",
            "our weights, seeds 0, 1, 2": "–",
        }
    )
    mean = np.mean([draw.accuracy.test for draw in point.control])
    gains += [
        100 * (mean - run["accuracy"]["test"])
        for run in row["control"]["runs"]
    ]
display(HTML(pd.DataFrame(lines).to_html(index=False, border=0)))
gains = np.array(gains).reshape(4, 3)
print(
    "means over the draws, published minus ours:",
    {
        row["name"]: own.round(1).tolist()
        for row, own in zip(rows, gains, strict=True)
    },
)
at_b, elsewhere = gains[1], gains[[0, 2, 3]]
assert elsewhere.min() > 3 and elsewhere.max() < 13.5
assert at_b.min() > -5.5 and at_b.max() < -3.5

# %% [markdown]
# **The control's accuracy depends on whose weights it has.** At A, C and D the means over the draws are 3.5 to 13 points higher with the weights of the published method than with those of any of our trainings; at B they are 4 to 5
# points lower. Two reasons are likely, and we did not separate them: relaxed training runs every operation on every edge, ours only those drawn; and the published method trains networks as large as the control's at A, C and D, ours seldom draws them.
# The first does not explain B.
#
# **Being ahead of the control does not show that data chose.** With the same weights the published method's own networks are ahead of all twelve draws, yet data hardly chose them (see {ref}`have-data-a-say`). At A, C and D they are also
# larger than most draws; against the draw nearest in size the lead is 1 to 2 points. At B two of the three draws have the same size, and the lead is 4 to 5. The weights fit what they were trained with. {doc}`family` has more on that.
#
# ## What can go wrong
#
# - With so large a price the gradient of the cross-entropy drowns in that of $\mathsf{Lat}$. A training can steer well and yet have learned nothing from the images about operations: compare its choices with those of the price alone.
# - The paper's accuracy and parameter columns may describe different networks, as said above.
#
# Where it lives: `methods/hypernetwork.py` (`PivotHypernetwork`), `measure/price_alone.py`; data in `data/results/paper-channels_last=true-seed0`.
