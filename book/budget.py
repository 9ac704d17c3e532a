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
# # What fits my budget?
#
# *For engineers · needs no other page, and the repository with its environment ({ref}`two-commands`) · about 7 minutes*
#
# :::{admonition} In one minute
# :class: minute
# - The menu has 12<!--=budget.members--> networks of 87<!--=budget.least--> to 92<!--=budget.most--> % test accuracy. One image takes at most 0.7<!--=budget.slowest--> ms in ONNX Runtime ({numref}`fig-menu`). All come from one training, and none needs another.
# - One measurement of your machine, once, then two commands lead from a limit in milliseconds, parameters or MACs to a file that needs ONNX Runtime and NumPy alone. Two more train the chosen network by itself, which makes it more accurate.
# - A promised time is measured first. Nearly all promises held when the network was timed again ({ref}`promises-kept`).
# :::

# %% tags=["hide-input"] mystnb={"image": {"alt": "Test accuracy of the members of a family against their predicted time for one image. Numbered circles mark those on the menu, from the fastest at the lower left to the most accurate at the upper right; squares mark the other members."}, "figure": {"caption": "The members of our family of seed 0: test accuracy with inherited weights, and predicted time of one image in ONNX Runtime on one thread of the AMD EPYC. Numbers: those on the menu below.", "name": "fig-menu"}}
import matplotlib.pyplot as plt
from IPython.display import HTML

from simplexnas.family import describe
from simplexnas.latency.table import LatencyTable
from simplexnas.report import figures, published
from simplexnas.report.pages import budget
from simplexnas.use.menu import menu

figures.as_in_the_book()
budget.front()
plt.show()

# %% [markdown]
# (menu)=
# ## The menu
#
# {numref}`tab-menu` has the members worth having: no other one is both smaller, in total parameters, and more accurate on validation images.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The menu: parameters of the chosen edges and in total, MACs of one image, predicted time of one image in ONNX Runtime, and accuracy in percent on validation images, by which members are chosen, and on test images. With inherited weights. An accuracy is ± at most 0.5 (validation) or 0.4 (test): its binomial standard error, in percentage points.", "name": "tab-menu"}}
table = LatencyTable.load(published.ONNXRUNTIME_TABLE)
members = menu(describe(published.DEFAULT[0]), table)
HTML(budget.menu(members).to_html(index=False, border=0))

# %% [markdown]
# **Single steps are not certain.** From one member to the next test accuracy moves by at most 0.8<!--=budget.step--> percentage points, but for the first step. That would be two standard errors of a difference between independent samples; on the same images the error is smaller. Still: choose by size and time.
#
# `simplexnas front` prints the menu with the times of your machine, once they are measured (below).
#
# Found one? Its S is all you need:
#
# ```
# simplexnas export --S 0.3,0.35,0.35 --output model
# ```
#
# Or look at the networks while you drag S: {doc}`explorer`. A family of your own pictures has a menu too, and takes the same commands: {ref}`own-pictures`.
#
# ## Do you need a search?
#
# **For a menu, yes.** One training, of at most 25<!--=reproduce.family.most--> minutes, gives networks of all these sizes, and each further wish costs minutes. **For the most accurate network of one size, hardly.** Random architectures, trained alone, are 0.2<!--=sharing.lead--> percentage points behind the members of their kind (with or without a convolution in the reduction cell) that are nearest in size, trained alone too ({ref}`worth-a-search`).
#
# (from-a-limit)=
# ## From a limit to a file
#
# ```
# # Once for each machine and kind of images, 3 minutes:
# simplexnas latency measure
# simplexnas select --max-latency-ms 0.5 --max-edge-parameters 40000 \
#     --output architecture.json
# simplexnas export --architecture architecture.json --output model-selected
# ```
#
# Limits mix as you like: `--max-latency-ms` (one batch of the exported model, in ONNX Runtime on one CPU thread; `--batch` says of how many images, by default 1), `--max-edge-parameters`, `--max-macs` (per image, whole network) and `--min-accuracy` (on validation images, 0 to 1).
# The answer is the most accurate member that keeps them; with `--min-accuracy`, the fastest. A limit on total parameters is one on edge parameters, less the fixed ones: 20,506<!--=supernet.fixed--> here, and the menu shows both.
#
# **How a time is promised.** `select` takes the members whose predicted time is at most a fifth above the limit, since a network may run faster than predicted: the most accurate first, or with `--min-accuracy` the fastest. It times whole networks, five at a time.
# One whose median plus interquartile range is within the limit is timed once more, by itself, since of several one may be fast by chance. If that is within the limit too, it is *promised*. If no network is, the command fails and names the nearest budget that can be kept.
#
# `export` writes the network alone, to a new folder: `model.onnx` and `model.pt2` (`torch.export`), with the pixels' normalisation and batch-normalisation statistics re-estimated for it, and a description, `model.json`. ONNX Runtime must give the same logits as PyTorch on all test images, up to rounding, or nothing is written. All this takes a few minutes. `--fold` folds batch normalisation into the convolutions; quantisation we did not try.
#
# (train-alone)=
# ## More accuracy: train it alone
#
# ```
# simplexnas train --architecture architecture.json --output net
# simplexnas export --network net --output model-alone
# ```
#
# The first takes 3 epochs, about 13<!--=budget.alone.minutes--> minutes on two cores. Members trained so have on average 1.2<!--=budget.alone--> percentage points more than with the weights that they inherit ({ref}`members-alone`).
#
# ## PyTorch or ONNX Runtime?
#
# Without `--table` every time is that of the exported file in ONNX Runtime: on the menu, in `front` and in what `select` promises. It is timed from pixels to logits. For promises in PyTorch measure a table in it, `simplexnas latency measure --runtime torch`, and name it with `--table`, by its folder in `data/latency`. One image takes several times as long there ({ref}`timing-errors`).
#
# Two measurements of one network differ, on a machine that others share. `--no-timing` leaves the times out of `model.json`; so does a busy machine.
#
# ## Classify a picture
#
# To use a file takes ONNX Runtime from 1.18 and NumPy. This one lies in `data/models/within-4-ms` (a promise of 4 ms in PyTorch); name your own folder instead. From this library come only the names of two files, and the drawing ({numref}`fig-classified`):

# %% mystnb={"image": {"alt": "A small picture of an ankle boot, under the words Ankle boot"}, "figure": {"caption": "The first test image, under what the file calls it.", "name": "fig-classified"}}
import gzip
import json

import numpy as np
import onnxruntime

with gzip.open(budget.TEST_IMAGES) as file:
    pixels = file.read()[16 : 16 + 28 * 28]
image = np.frombuffer(pixels, "uint8").reshape(1, 1, 28, 28)
session = onnxruntime.InferenceSession(budget.MODEL / "model.onnx")
(logits,) = session.run(None, {"images": image})
about = json.loads((budget.MODEL / "model.json").read_text())
budget.picture(image[0, 0], about["classes"][logits.argmax()])
plt.show()

# %% [markdown]
# (promises-kept)=
# ## Are such promises kept?
#
# We drew random budgets: a limit on time for 1 or 64 images, and each other limit with probability one half, until 50 could be kept by some member. Each promised network was measured once more, a moment later on the same machine (`benchmarks/budgets.py`).
# A budget counts as kept if the second median and all other values are within the limits; the promise was stricter, as it also counts the interquartile range.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Promised budgets, by runtime and number of images: how far the promised time was off the prediction, how far a second measurement was off the promised time, and what share of the limit it took.", "name": "tab-promises"}}
HTML(budget.promises().to_html(index=False, border=0))

# %% [markdown]
# Of 50<!--=budget.onnx.of--> promises 48<!--=budget.onnx.kept--> held in ONNX Runtime, and all 50<!--=budget.pytorch.kept--> in PyTorch.
#
# So of such budgets 86<!--=budget.onnx.low--> to 99.5<!--=budget.onnx.high--> % are kept in ONNX Runtime, at least 93<!--=budget.pytorch.low--> % in PyTorch (exact 95 % intervals; several budgets promise the same network, so they are somewhat too narrow), on this machine.
#
# The broken ones in ONNX Runtime are of single images, whose measurement is over in a second: one missed its limit by less than a thousandth, the other network took nearly half again as long a moment later.
# Within a measurement each time is divided by how slow the calls before and after it were; between two measurements nothing of the kind is possible.
#
# Drawn on the way, and kept by no member: 7<!--=budget.onnx.infeasible--> budgets in ONNX Runtime, 7<!--=budget.pytorch.infeasible--> in PyTorch. Measurements that were too noisy were refused and repeated, 13<!--=budget.onnx.repeated--> and 46<!--=budget.pytorch.repeated--> times.
#
# ## What can go wrong
#
# - **A limit in one runtime, a model in another.** Say `--table` for PyTorch, nothing for ONNX Runtime.
# - **Another machine, or a busy one.** A promise holds for the machine and the moment of its measurement. Leave room, or measure again where the model runs.
# - **Predicted times on the menu.** For members they are off by more than for random networks ({numref}`tab-promises`). `select` measures.
# - **Choosing by test accuracy.** The menu shows it; choose by the validation column, or the test says less.
# - **A small family.** The menu is of one training. Another seed has other members, of about the same accuracy.
#
# ## Where it lives
#
# - Code: `simplexnas.use` (`menu`, `selection`, `export`), `simplexnas.measure.alone` (training one network), `simplexnas.report.pages.budget` (this page's tables and figure).
# - Tests: `tests/test_menu.py`, `tests/test_selection.py`, `tests/test_export.py`, `tests/test_onnx_model.py`, `tests/test_pages_budget.py`.
# - Data: `data/results/budgets.json`, `budgets_onnxruntime.json` beside it, `data/models/within-4-ms`.
