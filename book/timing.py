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
# # Can a network's time be predicted?
#
# *For engineers · needs no other page; cells and edges are explained in {doc}`supernet` · about 6 minutes*
#
# :::{admonition} In one minute
# :class: minute
# - Yes, to within some percent. For random networks that no fit had seen, predictions are off by 2<!--=timing.least--> to 6<!--=timing.most--> % on average, in PyTorch on two machines and in ONNX Runtime on one. For members of a family that were promised within a limit, on one machine, it is somewhat more.
# - PyTorch runs part after part, so that parts are timed one by one; their sum is too small, and a straight line mends it. ONNX Runtime changes the whole graph, so that its parts are fitted to whole networks.
# - A single network can be off by more, by up to 30<!--=timing.promised.worst--> %. So before a time is promised, it is measured. Measure your own machine: it takes minutes.
# :::

# %% tags=["hide-input"] mystnb={"image": {"alt": "Four panels, PyTorch above and ONNX Runtime below, for 1 and for 64 images, of predicted against measured milliseconds. The circles of the prediction and the squares of a second measurement lie near the diagonal; in PyTorch the triangles of the plain sum lie well below it."}, "figure": {"caption": "Time of 40 random networks on one machine: sum of parts (triangles), prediction (circles) and a second measurement (squares) against the first measurement. On the line both are equal.", "name": "fig-latency-prediction"}}
import matplotlib.pyplot as plt
from IPython.display import HTML

from simplexnas.report import figures
from simplexnas.report.pages import timing

figures.as_in_the_book()
timing.predictions()
plt.show()

# %% [markdown]
# ## Why measure?
#
# Parameters, MACs and $\mathsf{Lat}$ do not tell how long a network runs ({ref}`a-price`). If you have a limit in milliseconds, you need a time for each member of a family, without running all of them.
# A table of times of the parts, added up, is the usual answer {cite}`cai2019proxylessnas,wu2019fbnet`. The paper cites both works; no slide shows a time, and the author's loss uses none.
#
# Two runtimes matter here. **PyTorch** trains the networks and can run them. **ONNX Runtime** runs the file that `simplexnas export` writes, and is what we recommend for use: the same network is faster there ({ref}`menu`).
# Every time in this book says which of the two it is of. All are of one thread on a CPU.
#
# ```
# simplexnas latency measure                    # ONNX Runtime, 3 minutes
# simplexnas latency measure --runtime torch    # PyTorch, 1 minute
# simplexnas latency validate                   # on 40 other networks
# ```
#
# Measure once on each machine.
#
# ## In PyTorch: part by part
#
# The command times every part of a network: each operation at each place where it can stand (channels, height, stride), the first convolution, the 1 × 1 convolutions at a cell's inputs, sums, concatenations and the classifier.
# A time is the median over 15 rounds, in inference mode, channels last, normalisations not folded; in each round the parts and 12 whole networks are timed in random order.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Two panels of bars, for 1 and 64 images: milliseconds of pooling, identity and convolution at five places. On one image convolutions cost 0.17 to 0.18 ms everywhere; on 64 images from 2.0 ms where images are large to 1.1 ms where they are small. Pooling consists of its source part alone."}, "figure": {"caption": "Time of one edge in PyTorch on the AMD EPYC, by place (channels, height × width of its input). Pale: the source part, which runs once for all edges that leave a node with the operation.", "name": "fig-edge-times"}}
timing.edges()
plt.show()

# %% [markdown]
# A bar of {numref}`fig-edge-times` has two pieces. The *edge part* is what the edge itself runs. The *source part* depends on the operation and on the node that the edge leaves, and runs once for all such edges: the whole of a pooling, the rectifier before a convolution, the split into even and odd pixels before an identity with stride 2.
# So a second pooling from one node is almost free; 0.001 ms is the time of an empty call.
#
# On a single image a convolution costs almost the same everywhere: probably most of it is the fixed cost of calling PyTorch's functions, not arithmetic.
# On 64 images it is slowest where the image is largest, although its parameters are fewest there ({numref}`tab-measures`).
#
# The sum over the parts that run is too small ({numref}`fig-latency-prediction`, triangles): probably a part timed by itself finds its input in the cache, and Python's share between the parts is not timed.
# So the prediction is a straight line in this sum, one for each batch size, fitted by least squares to the 12 networks that were timed with the parts.
#
# ## In ONNX Runtime: from whole networks
#
# ONNX Runtime changes the whole graph before it runs it: normalisations and many sums go into convolutions. A part timed by itself is then no part of the network.
# So the command times 60 random networks as `export` writes them, from pixels to logits, and fits the times of the parts to them: least squares without negative times, with a weak ridge towards the number of values that a part reads. Then all is as above.
#
# (timing-errors)=
# ## How good are the predictions?
#
# Both runtimes predict 40 other random architectures ({numref}`tab-latency-errors`). Each was measured twice; the second measurement shows how well anything could predict the first.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The line (slope × sum + ms), the Spearman correlation of prediction and measurement, and the errors of the prediction and of a second measurement (mean, worst), relative to the first measurement and without their sign.", "name": "tab-latency-errors"}}
HTML(timing.errors().to_html(index=False, border=0))

# %% [markdown]
# In PyTorch the prediction is off by 4<!--=timing.epyc.1--> and 6<!--=timing.epyc.64--> % on the EPYC, by 2<!--=timing.xeon.1--> and 3<!--=timing.xeon.64--> % on the Xeon.
#
# In ONNX Runtime it is off by 3<!--=timing.onnx.1--> % for one image and by 3<!--=timing.onnx.64--> % for 64. Rank correlations are 0.99<!--=timing.rank--> or more.
#
# Measured a second time, the same network differs by 1<!--=timing.again.least--> to 3<!--=timing.again.most--> % on average.
#
# **Members that `select` promised are off by more,** 6<!--=timing.promised.least--> to 9<!--=timing.promised.most--> % on average ({numref}`tab-promises`). They were timed on the EPYC, later than the 40; nearly all single images in ONNX Runtime ran faster than predicted.
#
# **A single network can be off by more:** among the random ones by up to 14<!--=timing.worst--> %, among the promised by up to 30<!--=timing.promised.worst--> %.
#
# **Nearly all of the largest mean error is bias.** On the EPYC in PyTorch, on 64 images, all 40 networks ran slower than predicted. Whether the machine had slowed down in the minutes since the table, or the line is too low, these data do not say.
#
# **The second measurement is no independent one.** On the Xeon it came after the first. On the EPYC both were made in the same rounds, so that a slow machine changes both.
#
# **Ranks of random architectures are easy.** Members of one family may be more alike than these 40.
#
# ## When a machine is too busy
#
# Other programs slow a machine down for a while, and all calls alike. So each time is divided by how slow the calls just before and after it were, one of them a fixed matrix product. Where the interquartile ranges that are left add up to more than 15 % of the medians, nothing is written.
# Our two tables in PyTorch are older: their times are not divided, and the limit was a tenth, for the matrix product and for all parts together.
#
# ## What can go wrong
#
# - **A table of another machine.** Ours rank the operations alike ({ref}`price-of-time`); yours need not.
# - **A table of another runtime or batch size.** Ratios between operations differ with both, as shown.
# - **A busy machine.** The commands refuse to measure, and say so. Close other programs.
# - **More threads, or a GPU.** `--threads` and `--device` measure them; we show one thread of a CPU alone.
#
# ## Where it lives
#
# - Code: `simplexnas.latency` (parts, timing, table, fitting, validation), `simplexnas.report.pages.timing` (this page's table and figures).
# - Tests: `tests/test_latency.py`, `tests/test_pages_timing.py`.
# - Data: `data/latency/<machine>/table.json` and `validation.json`, a folder for each machine and runtime: `simplexnas latency measure` and `validate` write them.
