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
# # Does it pay to price time?
#
# *For engineers and reviewers · needs {doc}`latency` and {doc}`timing` · about 7 minutes*
#
# :::{admonition} In one minute
# :class: minute
# - Not that we can show, but for one limit in the middle. Within 60 ms (predicted) short trainings priced by measured time are 1.6<!--=time_price.middle.default--> percentage points ahead of those with our default price, that of parameters, and 0.6<!--=time_price.middle.unit--> behind those without either ({numref}`fig-latency-three-families`).
# - Where time is scarcer, only the default price has members in every training; and within 45 ms its trainings may be as accurate. Each price gives the best members in the region that it makes cheap.
# - TODO results: when networks were timed.
# :::

# %% tags=["hide-input"] mystnb={"image": {"alt": "Two panels of test accuracy, against predicted milliseconds and against total parameters, each with the fronts of nine trainings, three of each price. The default price reaches the shortest times and the fewest parameters; the unit price begins late and reaches highest; the price of time lies between them."}, "figure": {"caption": "Fronts of short trainings, chosen on validation, three of each price: accuracy against predicted time of 64 images in PyTorch (above), and against total parameters (below).", "name": "fig-latency-three-families"}}
import matplotlib.pyplot as plt
from IPython.display import HTML

from simplexnas.report import figures
from simplexnas.report.pages import time_price

figures.as_in_the_book()
time_price.fronts()
plt.show()

# %% [markdown]
# Times on this page are PyTorch's, for 64 images, where nothing else is said: those were the price. Predicted and measured are those of the EPYC; the price itself was measured on the Xeon ({doc}`timing`).
# A *front* holds the members that no other one beats in both cost and accuracy.
#
# (price-of-time)=
# ## The price of time
#
# With a measured table the price of operation $m$ on edge $e$ can be $S_m\, r_{em}$. Here $r_{em}$ is a relative cost: the operation's time, its parameters or its MACs, as a mean over the $n_e$ cells of the edge.
# What several edges share is divided equally among the edges that could share it. $r = 1$ is the unit price, that of the author's loss.
# Each kind is divided by its mean over the 42 edges and 3 operations. So at uniform probabilities and uniform $S$ the term $\mathsf{Lat}$ is the same for each.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Relative cost r of each kind of price on three edges, which leave an input or a node of their cell. Time: of 64 images on the Xeon.", "name": "tab-relative-costs"}}
HTML(time_price.relative_costs().to_html(index=False, border=0))

# %% [markdown]
# By {numref}`tab-relative-costs` time makes a convolution in the normal cell the dearest choice, where parameters make it cheap. From a later node, which fewer edges leave, an edge's part of the shared time is larger, and so is $r$ of pooling.
# Where $r$ is 0, a penalty does nothing by itself. In parameters or MACs this is so for pooling and for identities without stride; in time, nearly so for those identities.
# Between our two machines the rank correlation of $r$ by time is 1.00<!--=time_price.machines-->.
#
# `simplexnas search --set price=latency --set parameter_price=0 --table NAME` trains with it. $S$ keeps its reach whatever the price, as $\kappa$ follows from the worths ({ref}`kappa-by-a-rule`).
#
# (within-a-budget)=
# ## Within a budget
#
# Three kinds of families differ in the price alone: by time, $S_m\, r_{em}$; the unit price, $S_m$; and the default price, which adds one of parameters ({ref}`what-we-change`). Each kind has three trainings of the preset `quick`, measured on 66 points $S$ ({numref}`tab-within`).

# %% tags=["hide-input", "full-width"] mystnb={"figure": {"caption": "Test accuracy in percent of the member that is best on validation within a budget, of predicted time of 64 images (in PyTorch, or in ONNX Runtime) and of edge parameters: mean ± standard deviation over three trainings, – where one of them has no such member. Last columns: what time as the price is ahead, in percentage points, mean of pairs with the same seed and its 95 % interval (Student's t).", "name": "tab-within"}}
HTML(time_price.within().to_html(index=False, border=0))

# %% [markdown]
# **No price wins everywhere** ({numref}`tab-within`). Where time is not scarce, the unit price has the most accurate members: within 60 ms 0.6<!--=time_price.middle.unit--> percentage points more than the price of time (0.2<!--=time_price.middle.unit.low--> to 1.1<!--=time_price.middle.unit.high-->). Where it is scarce, some training with the unit price has none.
#
# **Time as the price is ahead of the default price within 60 ms,** by 1.6<!--=time_price.middle.default--> points (1.1<!--=time_price.middle.default.low--> to 2.0<!--=time_price.middle.default.high-->).
#
# **Where time is scarcer that is not shown.** Within 45 ms it is ahead by 1.2<!--=time_price.scarce.default-->, but the interval holds zero; within the shortest limit not every training has a member. In ONNX Runtime, whose times were not the price, no difference is resolved.
#
# **Small networks take a price of parameters.** Without it, some training has no member within D's size, nor within B's.
#
# All this is of three short trainings each. With so many limits the one interval in favour of time may be chance, and whole trainings may differ. That a price of time gives better networks where time is scarce, which is what it is for, these trainings do not show.
#
# ## What the price moves: where convolutions stand
#
# Prices differ in *where* convolutions stand. One in the reduction genotype takes only a fifth to a third more time than one in the normal genotype (it stands in two cells, on smaller images), but has fifteen times the parameters ({numref}`tab-measures`).

# %% tags=["hide-input"] mystnb={"figure": {"caption": "How far each family reaches on the lattice, how S moves it (rank correlation between the penalty of an operation and the number of edges with it), and how many convolutions its members have (mean, and most in brackets). The training of seed 0 of each.", "name": "tab-reach"}}
HTML(time_price.reach().to_html(index=False, border=0))

# %% [markdown]
# By {numref}`tab-reach` the price of time puts convolutions into the reduction cell, that of parameters into the normal one. The price of time is also the coarser dial: an identity without stride is almost free at every $S$, whatever its penalty.
#
# (gains-timed)=
# ## Does it hold when networks are timed?
#
# We timed the members that are best within each budget, all in the same rounds (`benchmarks/fronts.py`):

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Measured time of 64 images in PyTorch (median, and interquartile range in brackets) and test accuracy of the best members within five predicted times, of the training of seed 0 of each price. –: it has no such member.", "name": "tab-timed"}}
HTML(time_price.timed_table().to_html(index=False, border=0))

# %% [markdown]
# They run 0<!--=time_price.slower.least--> to 12<!--=time_price.slower.most--> % slower than predicted, 6<!--=time_price.slower.mean--> % on average, as the 40 random networks did ({ref}`timing-errors`), and not equally so in each family.
#
# TODO results.
#
# Not tried: whole trainings of each price, a family priced by MACs, and one priced by ONNX Runtime's times.
#
# :::{dropdown} The price is not the expected time
# The price divides shared time equally among edges. That keeps it linear in $p$, but it is not the time that one may expect.
#
# The expected prediction has a closed form too, if the edges choose independently. An edge part counts with its probability $p_{em}$. A source part counts with the probability that at least one edge takes it:
#
# $$1 - \prod_{e \in \mathrm{out}(i)} (1 - p_{em}),$$
#
# where $\mathrm{out}(i)$ are the edges that leave node $i$. `LatencyTable.expectation` computes it; enumeration agrees (a test).
# :::
#
# ## What can go wrong
#
# - **A prediction near a limit.** Its error is larger than many of the differences here. Time the networks before you believe it.
# - **The price of another machine.** Ours was measured on one, and used on another; their $r$ happen to rank alike.
# - **Pricing the wrong runtime.** Our price was PyTorch's time. Who runs `model.onnx` would measure, and price, in ONNX Runtime: `--table` takes either.
# - **Comparing at equal parameters.** A family priced by time was not asked to be small. Compare where your limit is.
#
# ## Where it lives
#
# - Code: `simplexnas.space.cost.relative_costs`, `simplexnas.latency.table` (`edge_ms`, `expectation`), `simplexnas.report.pages.time_price` (this page's tables and figure).
# - Tests: `tests/test_cost.py`, `tests/test_latency.py`, `tests/test_pages_time_price.py`.
# - Data: `lattice.json` of the families `latency` and `unit`, and of the first three of `quick`, of `data/published.json`, under `data/results`, `data/results/fronts_measured.json`, `data/latency`.
