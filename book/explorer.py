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
# # What does S do?
#
# *For everybody · needs no other page · about 4 minutes*
#
# :::{admonition} In one minute
# :class: minute
# - Drag the ring. Each point of the triangle is a vector **S** of penalties: a corner is all the penalty on one operation, which the network then avoids.
# - Each S gives a network out of one training. Its two cells, its size, its time and its accuracy change at once.
# - Accuracy hardly follows S step by step: it jumps where the reduction cell gets its first convolutions.
# :::

# %% tags=["hide-input", "full-width"]
from IPython.display import HTML

from simplexnas.family import Family
from simplexnas.io import records
from simplexnas.latency.table import LatencyTable
from simplexnas.report import published
from simplexnas.report.explorer.page import explorer

family = Family.load(published.DEFAULT[0])
lattice = records.read_own(family, records.LATTICE)
table = LatencyTable.load(published.ONNXRUNTIME_TABLE)
HTML(explorer(family, lattice, table))

# %% [markdown]
# ## What you see
#
# - **The triangle.** A corner is all penalty on one operation. Colour is test accuracy, brighter is better; A to C are the vectors of the slides, D is from the author's later text.
#   Keys: arrow up for more penalty on pooling, left and right between the other two.
# - **The cells.** Nodes stand on a line, from the outputs of the two cells before (c-2 and c-1) to the cell's own output, which joins nodes 1 to 4 (dotted line). An arc is an
#   edge, drawn as its operation is; one that just changed is thick for a second. {ref}`supernet-edges` explains cells.
# - **Accuracy** is that of inherited weights on the 10,000 test images. It is *measured* if this very network is one of the lattice's 231 points. Else it stands after an ≈ and is that of
#   another network, at the nearest measured S: this one may be better or worse. The line in the plot joins the members that no other beats on *validation* images in both size and accuracy, so it can fall.
# - **Time** is predicted from a table of parts, for one image in ONNX Runtime, on one thread of an AMD EPYC ({doc}`timing`).
# - **At most** greys out what breaks a budget, in edge parameters as `simplexnas select` counts them; its command then stands under *Ask for it yourself*. The plot and the best of each size go by total parameters. **Walk** changes one penalty and keeps the proportion of the other two.
#
# The page computes what the library does. Each edge has a score for each operation; S lowers it by the penalty, and the highest wins ({ref}`our-form`).
# The address holds S, so that a link to this page can be a link to a network.
#
# ## What can go wrong
#
# - **The same S is not the same network in another training.** The explorer shows one of our five trainings; the others put their operations elsewhere ({ref}`trainings-agree`).
# - **A jump of accuracy is not always real.** At A to D our five trainings are up to 1.8 percentage points apart, so that two neighbouring networks that differ by less may change places in another one.
#
# Where it lives: `report/explorer/`, tested in `tests/test_explorer.py`; data in `data/families/default-seed0` and `data/results/default-seed0/lattice.json`.
