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
# # How do the methods choose that the paper cites?
#
# *For readers who know the training step of {doc}`training` · about 8 minutes*
#
# :::{admonition} In one minute
# :class: minute
# - The paper builds on six methods. Each is one command here, in the same space of networks, with the same images and the same optimiser of weights.
# - They differ in three things: what runs on an edge in a step ({numref}`fig-ran`), what teaches the choices, and whether one training gives one architecture, a line of them, or a triangle ({numref}`tab-features`).
# - This page compares ideas. How accurate their networks are, side by side and in equal time, is not measured yet.
# :::

# %% tags=["hide-input"] mystnb={"image": {"alt": "Two columns of small boxes, a row for each of eight methods, five edges with three boxes each. DARTS: all boxes framed, each a third full. FBNet, DARTS-CC and Firsov as published: all framed, filled unevenly. ProxylessNAS: one framed and full for the weights; all framed and one full for the choices. Parametric control: the convolution alone. Random search and ours: one framed and full. Only DARTS, FBNet, ProxylessNAS and DARTS-CC have steps for the choices."}, "figure": {"caption": "What one image meets on five edges, in a step that teaches weights and in one that teaches choices, before anything is learned. Framed: the operation runs. Filled: its weight in the sum.", "name": "fig-ran"}}
import matplotlib.pyplot as plt
from IPython.display import HTML

from simplexnas.report import figures
from simplexnas.report.pages import as_html, methods

figures.as_in_the_book()
methods.ran()
plt.show()

# %% [markdown]
# **Read it so.** A framed box costs time and memory. A mixture (several boxes partly full) trains a network that nobody will use: in the end each edge keeps one operation. One full box trains what is used, but says nothing about the other two operations, so that something else has to compare them.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "What a training gives, what the trained family is asked by, what its choices learn from, and the option of simplexnas search.", "name": "tab-features"}}
HTML(as_html(methods.features()))

# %% [markdown]
# Below, $\alpha$ are the logits of the operations, $w$ the weights, $L$ the cross-entropy and $p = \mathrm{softmax}(\alpha)$. *Published* is what the papers and their public code do; *here*, what we do otherwise. In all of them every edge stays, and the network has the cells of {doc}`supernet`.
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
# Each image gets a Gumbel-Softmax sample of its own ({doc}`sampling`), and the loss is a product {cite}`wu2019fbnet`:
#
# $$L \cdot a \, \log(\mathsf{Lat})^b .$$
#
# $\mathsf{Lat}$ adds up measured times of operations, weighted as the sample is. So what a microsecond weighs fades as $L$ falls. Only $b$ trades; the published 0.6 depends on the unit of time, which is not known.
#
# *Here:* microseconds of one image, from the table of `simplexnas latency measure --runtime torch`. Weights and choices take turns step by step, not by epochs.
#
# ## ProxylessNAS: one path, gates for the rest
#
# Weights are trained on one drawn path, as in our training {cite}`cai2019proxylessnas`. For the choices all operations run behind gates $g$, one of them open, and the gates' gradients stand in for those of $\alpha$:
#
# $$\frac{\partial L}{\partial \alpha_i} \approx \sum_j \frac{\partial L}{\partial g_j}\, p_j (\delta_{ij} - p_i).$$
#
# A price of the expected cost is added to $L$. Two other estimates are there: of two operations that are drawn (`--set gradient=two_path`), and from losses alone (`gradient=reinforce`).
#
# *Here:* a tenth of the images is for the choices, after a quarter of the steps.
#
# ## DARTS-CC: a line of architectures
#
# The forerunner of the paper {cite}`yakovlev2022`. One number, the price $\lambda$ of a parameter, is drawn in each step. A small hypernetwork makes the logits from its place $h$ on a logarithmic scale, piecewise linearly between five tables:
#
# $$\alpha(h) = (1 - u)\,T_j + u\,T_{j+1}, \qquad L + \lambda \sum \mathrm{softmax}(\alpha(h)) \cdot \text{parameters}.$$
#
# *Here:* the knots stay where they are, and one classifier serves all $h$. We know the method by its authors' code; the paper's text we have not seen.
#
# ## Parametric complexity control: weights on demand
#
# The structure is fixed, every edge a convolution, and a hypernetwork makes the *weights* {cite}`grebenkova2023`: each has a mean and a spread that depend on the price $\lambda$ of their complexity,
#
# $$\min \; \mathbb{E}\,[L] + \frac{\lambda}{|D|}\, \mathrm{KL}\big(q(w \mid \lambda) \,\|\, \mathcal{N}(0, 1)\big).$$
#
# Weights that are small beside their spread are pruned. That takes parameters away, and no time.
#
# *Ours, and named so:* an edge keeps its convolution where its weights are large beside their spread, else it pools. That makes architectures out of it, whose inherited accuracy says little.
#
# ## Random search: train random paths, then rank
#
# The baseline that surveys ask for {cite}`elsken2019survey`. A supernet learns from random paths; then of random architectures the most accurate one on validation images is taken {cite}`li2019random`.
#
# *Here:* not one architecture but the best of each of eight sizes, from equally many candidates of each.
#
# ## The paper's method, and ours
#
# The published form is DARTS-CC's idea with a vector in place of $\lambda$, and without images of its own for the choices ({doc}`published_method`). Ours trains one drawn path, as ProxylessNAS and random search do, and compares operations by a regression of the losses ({doc}`training`).
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
# ## What can go wrong
#
# - **The published settings in a short training.** Learning rates of the choices suit 50 epochs. In five, choices stay where they began, unless they are scaled: see `travel` in `simplexnas settings --method darts`.
# - **One architecture asked for many.** DARTS, FBNet and ProxylessNAS give one a training. Another size is another training, with another price.
# - **Inherited accuracy of a mixture.** Weights trained in mixtures serve the single operations badly. Train the chosen network alone ({doc}`budget`).
#
# ## Where it lives
#
# - Code: `simplexnas.methods`, a file for each: `darts`, `fbnet`, `proxyless`, `darts_cc`, `parametric`, `random_search`, `simplex`. Its first lines name the equations, the published settings, and all that we do otherwise. `simplexnas.report.pages.methods` (this page's figure and table).
# - Tests: `tests/test_darts.py`, `tests/test_fbnet.py`, `tests/test_proxyless.py`, `tests/test_darts_cc.py`, `tests/test_parametric.py`, `tests/test_random_search.py`, with the identities of each method; `tests/test_methods.py`, what all have in common; `tests/test_pages_methods.py`.
