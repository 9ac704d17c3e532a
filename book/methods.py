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
# # How do the cited methods choose?
#
# *For readers who know the training step of {doc}`training` · about 8 minutes*
#
# :::{admonition} In one minute
# :class: minute
# - The paper cites five methods, and a survey that asks for random search. Each is one command here (FBNet after one that measures times), in the same space of networks and on the same images, with nearly the same optimiser of weights.
# - They differ in three things: what runs on an edge in a step ({numref}`fig-ran`), what teaches the choices, and whether one training gives one architecture, one for each size, a line of them, or a triangle ({numref}`tab-features`).
# - This page compares ideas. How accurate their networks are, side by side and in equal time, is not measured yet.
# :::

# %% tags=["hide-input"] mystnb={"image": {"alt": "Two columns of small boxes, a row for each of eight methods, five edges with three boxes each. DARTS: all boxes framed, each a third full. FBNet, DARTS-CC and Firsov as published: all framed, filled unevenly. ProxylessNAS: one framed and full for the weights; all framed and one full for the choices. Parametric control: the convolution alone. Random search and ours: one framed and full. Only DARTS, FBNet, ProxylessNAS and DARTS-CC have steps for the choices."}, "figure": {"caption": "What one image meets on five edges, in a step that teaches weights and in one that teaches choices: half-way through each method's schedule, untrained, in a small supernet. Logits are zero; Firsov's tables and our worths are random. ProxylessNAS with gates. Framed: the operation runs. Filled: its weight in the sum.", "name": "fig-ran"}}
import matplotlib.pyplot as plt
from IPython.display import HTML

from simplexnas.report import figures
from simplexnas.report.pages import as_html, methods

figures.as_in_the_book()
methods.ran()
plt.show()

# %% [markdown]
# **Read it so.** A framed box costs time and memory. A mixture (several boxes partly full) trains a network that nobody will use: in the end each edge keeps one operation. One full box trains what is used, but says nothing about the other two operations, so that something else has to compare them.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "What a training gives, what the trained family is asked by, what its choices follow, and what its loss pays for, beside the cross-entropy; as it is here by default. In brackets the name for `simplexnas search`: `--method`, for the last two `--preset`.", "name": "tab-features"}}
HTML(as_html(methods.features()))

# %% [markdown]
# **In the end** an edge takes the operation with the largest logit, where there are logits (published FBNet draws several networks instead), and most papers train the network anew.
#
# Below, $\alpha$ are the logits of the operations, $w$ the weights, $L$ the cross-entropy and $p = \mathrm{softmax}(\alpha)$. What follows *Here* is ours; the rest is as published, by the papers or their public code. Here all methods search the cells of {ref}`supernet-edges`, and every edge stays; published DARTS keeps two for each node.
#
# ## DARTS: let a mixture decide
#
# Every edge computes the $p$-weighted sum of all operations, so that $\alpha$ has a gradient {cite}`liu2019darts`. Weights and choices have different images, and the choices should suit the weights that *will* have been trained:
#
# $$\min_\alpha L_\text{val}\big(w^*(\alpha), \alpha\big), \qquad w^*(\alpha) = \arg\min_w L_\text{train}(w, \alpha).$$
#
# First order takes the present $w$ for $w^*$. Second order (`--set order=2`) takes one step of $w$ and differentiates through it, which needs three more passes.
#
# *Here:* the learning rate of $\alpha$ follows from how far logits should travel in the whole training, so that a short training chooses too. `--set kappa=…` adds a price, which DARTS has not.
#
# ## FBNet: samples, and time as a factor
#
# Operations are mixed by Gumbel-Softmax samples ({ref}`noise-then-softmax`), and weights and choices both follow a product {cite}`wu2019fbnet`:
#
# $$L \cdot a \, \log(\mathrm{time})^b .$$
#
# The time adds up measured times of operations, weighted as the sample is. As the loss is a product, what a microsecond weighs fades as $L$ falls. Only $b$ trades; the published 0.6 depends on the unit of time, which we did not find.
#
# *Here:* a sample for each image, and microseconds of one image, from the table of `simplexnas latency measure --runtime torch`. Weights and choices take turns step by step, not by epochs.
#
# ## ProxylessNAS: one path, gates for the rest
#
# Weights are trained on one drawn path, as in our training {cite}`cai2019proxylessnas`. For the choices operations run behind gates $b$, one of them open, and the gates' gradients stand in for those of $\alpha$ ($\delta_{ij}$ is 1 where $i = j$, else 0):
#
# $$\frac{\partial L}{\partial \alpha_i} \approx \sum_j \frac{\partial L}{\partial b_j}\, p_j (\delta_{ij} - p_i).$$
#
# All operations run in the authors' code by default, and here. The paper, to save memory, runs two that are drawn (`--set gradient=two_path`). A third estimate needs no gradient through the network, only rewards of drawn networks (`--set gradient=reinforce`; a reward here is minus loss and price). The paper adds a price of the expected time to $L$.
#
# *Here:* no price unless `--set cost_weight=…`, which counts parameters unless `price=latency`. One step of the choices for nine of the weights, where five are published; no label smoothing.
#
# ## DARTS-CC: a line of architectures
#
# The forerunner of the paper {cite}`yakovlev2022`. One number, the price $\lambda$ of a parameter, is drawn in each step. A small hypernetwork makes the logits from its place $h$ on a logarithmic scale, piecewise linearly between five tables, where $j$ is the table below $h$ and $f$ the fraction of the way from it to the next:
#
# $$\alpha(h) = (1 - f)\,T_j + f\,T_{j+1}.$$
#
# Relaxed samples run. The weights minimise $L$, the tables on other images $L + \lambda \sum \mathrm{softmax}(\alpha(h)) \cdot \text{parameters}$.
#
# *Here:* first order by default (published: second). The knots stay where they are, and one classifier serves all $h$. We know the method by its authors' code; the paper's text we have not seen.
#
# ## Parametric complexity control: weights on demand
#
# The structure is fixed, and a hypernetwork makes the *weights* {cite}`grebenkova2023`: each has a mean and a spread that depend on the price $\lambda$ of their complexity. It minimises, with $|D|$ training images,
#
# $$\mathbb{E}_\lambda \Big[ \mathbb{E}_{q(w \mid \lambda)} L + \frac{\lambda}{|D|}\, \mathrm{KL}\big(q(w \mid \lambda) \,\|\, \mathcal{N}(0, I)\big) \Big].$$
#
# Weights that are small beside their spread are pruned. That takes parameters away, and no time.
#
# *Here:* convolutions on all edges, where the paper has a perceptron. To make architectures of it, an edge keeps its convolution where its weights are large beside their spread, else it pools; identity is never chosen. All networks inherit the means at the least $\lambda$, and no pooling was trained, so that inherited accuracy says little. We saw only some of the paper's equations.
#
# ## Random search: train random paths, then rank
#
# The baseline that a survey asks for {cite}`elsken2019survey`. A supernet learns from random paths; then of random architectures the most accurate one on validation images is taken {cite}`li2019random`.
#
# *Here:* not one architecture but the best of each of eight sizes, from five candidates of each; the authors look at a thousand and more. Read it as a weak form of the method.
#
# ## The paper's method, and ours
#
# The published form is DARTS-CC's idea with $S$, a penalty for each operation, in place of a price of parameters, and without images of its own for the choices ({ref}`our-training`). Ours trains one drawn path, as ProxylessNAS and random search do, and compares operations by a regression of the losses ({ref}`training-worth`).
#
# **What came later.** Once-for-All {cite}`cai2020ofa` and BigNAS {cite}`yu2020bignas` price nothing in training: every subnetwork gets good weights, and a search afterwards finds one for a device. MODNAS {cite}`sukthanker2024modnas` is the nearest relative of $S$: a vector of preferences among objectives, and of devices, turned into an architecture by a hypernetwork.
#
# ## Try one
#
# ```
# simplexnas methods                      # a line for each
# simplexnas settings --method darts_cc   # what can be set
# simplexnas search --method darts_cc --budget-minutes 15
# simplexnas lattice --family darts_cc-budget_minutes=15-seed0 --step 0.1
# simplexnas sample --family darts_cc-budget_minutes=15-seed0 --knob 0.5
# ```
#
# `lattice`, `front`, `select`, `export` and `retrain` take every method's family. A method of your own is one file: the README shows it.
#
# ## Exercises
#
# **1. What do gates estimate?** ProxylessNAS opens the gate of operation $j$ with probability $p_j$. Let the loss be linear in the gates, $\sum_j c_j g_j$. Show that the formula above then gives the gradient of the expected loss $\sum_j p_j c_j$.

# %% tags=["hide-input"] mystnb={"code_prompt_show": "Solution", "code_prompt_hide": "Hide the solution"}
import torch

# d(sum_j p_j c_j) / d alpha_i has p_j (delta_ij - p_i) as dp_j / d alpha_i,
# and c_j is the derivative of the loss with respect to the gate.
alpha = torch.tensor([0.3, -0.2, 0.5], requires_grad=True)
c = torch.tensor([1.0, 2.0, 0.5])
p = alpha.softmax(dim=0)
(exact,) = torch.autograd.grad((p * c).sum(), alpha)
formula = ((torch.eye(3) - p[:, None]) * p * c).sum(dim=1)
assert torch.allclose(exact, formula)

# %% [markdown]
# **2. What is half the time worth to FBNet?** With the published $b$ of 0.6, by which factor does $\log(\mathrm{time})^b$ fall if a network of 10,000 µs becomes twice as fast? And one of 100 µs? What does that say about the unit of time?

# %% tags=["hide-input"] mystnb={"code_prompt_show": "Solution", "code_prompt_hide": "Hide the solution"}
import math

slow, fast = (
    (math.log(time / 2) / math.log(time)) ** 0.6 for time in (10_000, 100)
)
assert round(slow, 2) == 0.95 and round(fast, 2) == 0.91
# The same halving counts twice as much where the number is small: in
# milliseconds b would mean something else than in microseconds.

# %% [markdown]
# ## What can go wrong
#
# - **The published settings in a short training.** Learning rates of the choices suit 50 to 120 epochs. In five, logits can hardly leave zero, and the largest may be chance. So here the rate follows from how far logits should travel: see `travel` in `simplexnas settings --method darts`.
# - **Asking for many where there is one.** DARTS, FBNet and ProxylessNAS give one architecture per training. Another size is another training, with another price.
# - **Inherited accuracy of a mixture.** A mixture scales each operation by its weight, the chosen network by one. Re-estimate statistics ({ref}`supernet-statistics`), or train the network alone ({ref}`train-alone`).
#
# ## Where it lives
#
# - Code: `simplexnas.methods`, a file for each: `darts`, `fbnet`, `proxyless`, `darts_cc`, `parametric`, `random_search`, `simplex`. Its first lines name the equations, the published settings, and all that we do otherwise. `simplexnas.report.pages.methods` (this page's figure and table).
# - Tests: `tests/test_darts.py`, `tests/test_fbnet.py`, `tests/test_proxyless.py`, `tests/test_darts_cc.py`, `tests/test_parametric.py`, `tests/test_random_search.py`, with the identities of each method; `tests/test_methods.py`, what all have in common; `tests/test_pages_methods.py`.
# - Data: none yet; results come with the comparison.
