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
# # What is searched, and why a vector?
#
# *For readers who have trained a small neural network · needs no other page · about 9 minutes*
#
# :::{admonition} In one minute
# :class: minute
# - A network here has one of three operations on each of its edges: trillions of architectures. Asked for 231<!--=problem.points--> vectors $S$ of penalties, one training gave 94<!--=problem.networks--> networks, 76<!--=problem.low--> to 93<!--=problem.high--> % accurate.
# - Our reading of the vector: devices differ in what is dear. One of our trainings has two networks of about the same accuracy, one with fewer parameters, the other with fewer multiply-accumulates ({numref}`fig-two-devices`). But to trade accuracy for size, one number nearly does ({ref}`one-number`).
# - The paper states the problem as one objective over all $S$. Its slides leave open the formula of the price, its weight, and which accuracy is meant.
# :::

# %% tags=["hide-input"] mystnb={"image": {"alt": "Above left a triangle with the four vectors A, B, C and D. Above right four networks, each as two rows of fourteen marks for pooling, identity and convolution. Below a scatter plot of test accuracy against parameters of all members, with A, B, C and D marked."}, "figure": {"caption": "The idea. A point S of the triangle (a corner is all the penalty on one operation) gives a network (two rows of choices: normal cell, reduction cell). Each network has an accuracy and a size (grey: all networks of the training). All come from one training of ours. A to C are the vectors of slide 6, D is from the author's later text.", "name": "fig-idea"}}
import matplotlib.pyplot as plt

from simplexnas import load
from simplexnas.report import figures
from simplexnas.report.pages import problem

figures.as_in_the_book()
problem.idea()
plt.show()

# %% [markdown]
# ## Neural architecture search, in two sentences
#
# *Neural architecture search* (NAS) lets a program choose how a neural network is built, where otherwise a person would: which operation stands where.
# It looks for networks that solve a task well and keep within a limit of size, computing or time.
#
# The paper, a set of slides {cite}`firsov2024`, names three difficulties on slide 2 (our translation from Russian):
#
# > - A vast space to search
# > - Balance of accuracy and complexity
# > - Obtaining a family of solutions
#
# **The space.** An architecture takes one of three operations ($k = 3$) on each of 28 *edges*: pooling, identity (pass the input on) or convolution. {ref}`supernet-edges` draws them. That makes 22,876,792,454,961 architectures; nobody can train them one by one.
#
# **The family.** A phone and a server want different networks, and next year's phone another one. So one training should give many networks, a *family*. A vector $S$ says which member is wanted, after training, and the member keeps the weights that it was trained with. {numref}`fig-idea` shows four members.
#
# ## The data
#
# Fashion-MNIST {cite}`xiao2017fashionmnist` holds grey images of 28 × 28 pixels in ten classes ({numref}`fig-images`). A network sees an image and names its class.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Ten small grey pictures of clothes, one of each class, from a T-shirt to an ankle boot."}, "figure": {"caption": "One validation image of each class.", "name": "fig-images"}}
splits = load("fashion-mnist")
problem.images(splits)
plt.show()

# %% [markdown]
# We cut 5,000 validation images out of the official training set. So 55,000 images train weights, 5,000 choose among networks, and 10,000 test the result, each with equally many of every class. No network is chosen on the test images; where we thought of a comparison after seeing test results, the page says so.
#
# (problem-S)=
# ## What S means
#
# $S_m \ge 0$ is the *penalty* on operation $m$, and the penalties sum to 1. All such vectors form a triangle, the *simplex* $\Delta^{k-1}$ ({numref}`fig-simplex`).
# A large $S_m$ makes operation $m$ rare: $S$ lists penalties, not shares.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Triangle of all S. A lies at its centre, B towards the convolution corner, C towards the pool corner, D towards the identity corner."}, "figure": {"caption": "Four vectors S: A, B, C of slide 6, and D of the author's Russian text. Read each penalty along the ticks of its colour; at a corner it is 1.", "name": "fig-simplex"}}
problem.simplex()
plt.show()

# %% [markdown]
# The order is pooling, identity, convolution. Slide 6 implies it: it says "increased penalty on convolutions" where the last number is the largest, and "increased penalty on pooling" where the first is ({doc}`notation` has the numbers).
# The author's Russian text {cite}`firsovtext` states it. (His English one {cite}`firsovenglish` names the reverse order, against its own labels of B and C.)
#
# At A slide 6 writes 0.33 three times. The library takes a sum within 0.01 of 1 and divides by it; it refuses anything else in one line.
#
# (problem-objective)=
# ## The paper's statement
#
# Slide 3, in our translation:
#
# > The model is a map $\mathbb{X} \times \Gamma \times \mathbb{W} \to \mathbb{Y}$, where $\gamma \in \Gamma$ sets the model's computation graph.
# >
# > We set $\gamma \sim \mathsf{GS}(\alpha(S, a), t)$, and write the architecture parameters $\alpha$ as a function of a **vector** complexity parameter $S$ […] where $S \in \Delta^{k-1}$, the $(k-1)$-dimensional simplex, $k$ is the number of operations, and $a \in \mathbb{R}^n$ are the parameters of the hypernetwork.
# >
# > Optimisation problem: minimise
# >
# > $$\mathbb{E}_{S \sim U(\Delta^{k-1})}\, \mathbb{E}_{\gamma \sim \mathsf{GS}(\alpha(S, a), t)} \big[ L(w^*, \alpha(S, a)) + \kappa \cdot \mathsf{Lat}(\alpha(S, a)) \big] \to \min_{w,\, a}.$$
#
# ($U(\Delta^{k-1})$ is the uniform distribution over the triangle.) Read it from the left:
#
# 1. Draw penalties $S$, each point of the triangle as likely as any other.
# 2. The *hypernetwork* turns them into scores $\alpha$ (*logits*): three for each edge, one for each operation ({ref}`published-form`).
# 3. $\mathsf{GS}$, the Gumbel-Softmax distribution with temperature $t$, draws from them a mixture of operations on every edge, $\gamma$: at a low temperature nearly one operation ({ref}`noise-then-softmax`).
# 4. Pay the cross-entropy $L$ of this mixture and, with weight $\kappa$, the expected price $\mathsf{Lat}$ under the probabilities $\mathrm{softmax}(\alpha)$ ({ref}`a-price`).
# 5. The weights $w$ and the hypernetwork $a$ are the same for all $S$; change them so that the mean payment falls ({ref}`training-gradient`). In the bracket stands $w^*$, usually the sign for the *best* weights: of each architecture, or of all? The slides do not say.
#
# As a program, with details that the slides lack from the author's code {cite}`firsovcode`, the paper's training is:
#
# ```{code-block} text
# for each step, with a batch of images:
#     S = a random point of the triangle
#     α = hypernetwork(S)              three scores for each of 28 edges
#     γ = softmax((α + noise) / t)     for each image, a mixture on every edge
#     L = cross-entropy of the network, each image with its mixtures
#     weights and hypernetwork: a step down the gradient of L + κ Lat
# after each epoch: t falls
# ```
#
# {doc}`notation` lists every symbol, and recurring words.
#
# (problem-vector)=
# ## Why a vector and not a number
#
# A search with a price on complexity has to say how much accuracy the price is worth. Usually one number says it, before training; another number needs another training.
# A number that stays open until after training gives one curve of networks, from dear to cheap.
#
# A vector also says *what* is dear. Convolutions can be cheap on a chip made for them, and copying memory dear; then two devices want different networks of the same accuracy, from the same training.
# That is how we read the paper's idea. {numref}`fig-two-devices` shows a family that has such networks: one with 18<!--=problem.parameters--> % fewer parameters, the other with 18<!--=problem.macs--> % fewer multiply-accumulates.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Scatter plot of multiply-accumulates against parameters of all members. A diamond and a square are joined by a falling dashed line: the diamond has fewer parameters, the square fewer multiply-accumulates."}, "figure": {"caption": "Members of one training, that of our five with the clearest such pair. Diamond and square differ by at most 0.2 percentage points of validation accuracy (in the legend). A device short of memory takes the diamond, with fewer parameters; one that computes slowly takes the square, with fewer multiply-accumulates (MACs). Of all such pairs it is the one with the largest smaller saving.", "name": "fig-two-devices"}}
problem.two_devices()
plt.show()

# %% [markdown]
# The pair was looked for, in five trainings with hundreds of pairs each that are as close in accuracy: it shows what exists, not what is typical. In the other four trainings the best such pair is closer (one network has 7<!--=problem.parameters.least--> to 14<!--=problem.parameters.most--> % fewer parameters, the other 2<!--=problem.macs.least--> to 11<!--=problem.macs.most--> % fewer MACs).
# And it does not show that a vector is needed: for accuracy against size one number nearly does; within the limits of MACs and of predicted time that we tried, none quite does ({ref}`one-number`).
#
# {doc}`methods` shows what the paper's references price, and what each lets one choose after training.
#
# ## Exercises
#
# **1. The objective by hand.** Softmax of an edge's scores gives the probabilities $p$ of its operations. Let $p$ be the same on every edge:
#
# $$p = (0.2,\, 0.3,\, 0.5), \qquad S = (0.15,\, 0.15,\, 0.70), \qquad \kappa = 0.02.$$
#
# What is the expected price of one edge, the sum of probability times penalty? $\mathsf{Lat}$ sums this over the network's 42 edges (14 of the 28 choices are used in two cells). What is it here? And what is the objective of a network that guesses among ten classes?

# %% tags=["hide-input"] mystnb={"code_prompt_show": "Solution", "code_prompt_hide": "Hide the solution"}
import math

import torch

from simplexnas import SearchSpace
from simplexnas.space import cost

one_edge = 0.2 * 0.15 + 0.3 * 0.15 + 0.5 * 0.70  # 0.425
total = math.log(10) + 0.02 * 42 * one_edge  # ln 10 = 2.303; in all 2.660

space, S = SearchSpace(), torch.tensor([[0.15, 0.15, 0.70]])
p = torch.tensor([0.2, 0.3, 0.5]).expand(1, 28, 3)
lat = cost.price_term(p, cost.price(S, space), space).item()
assert math.isclose(lat, 42 * one_edge, rel_tol=1e-5)  # 17.85
assert math.isclose(math.log(10) + 0.02 * lat, total, rel_tol=1e-5)

# %% [markdown]
# **2. How often is an operation dear?** The outer expectation draws $S$ uniformly from the triangle. How likely is it that the penalty on convolution exceeds 0.7? Hint: which part of the triangle is that?

# %% tags=["hide-input"] mystnb={"code_prompt_show": "Solution", "code_prompt_hide": "Hide the solution"}
from simplexnas.methods import penalties

# Beyond 0.7 lies a triangle of side 0.3, whose area is 0.3 ** 2 of all.
random = torch.Generator().manual_seed(0)
drawn = penalties.sample(200_000, 3, generator=random)
counted = (drawn[:, 2] > 0.7).double().mean().item()
assert math.isclose(counted, 0.3**2, abs_tol=0.003)  # 9 %

# %% [markdown]
# ## What can go wrong
#
# The slides leave open what a replication must decide:
#
# - **The price.** They give no formula for $\mathsf{Lat}$ and no $\kappa$. $\mathsf{Lat}$ is in the author's code {cite}`firsovcode`. His configurations try many $\kappa$, up to 100,000; it is 50 in the two that have the three operations of the slides. In our variant it follows from the data, 0.014<!--=latency.kappa.least--> to 0.016<!--=latency.kappa.most--> in our trainings ({ref}`what-we-change`).
# - **The order of $S$.** They do not state it; it follows from slide 6.
# - **The accuracies.** They do not say which model these belong to: a mixture of operations, or the discrete network whose parameters are counted.
# - **The protocol.** They name no validation split and no number of seeds.
# - **The minimum.** $w^*$ stands in the functional, but the minimum is over $w$. In the preset `paper` we train $w$ together with what chooses, on the same images. In our variant what chooses learns once, from the losses of a warm-up ({ref}`training-worth`).
# - **What the loss is of.** The inner expectation draws $\gamma$, yet $L$ takes $\alpha$. We read it as the loss of the network $\gamma$ that was drawn.
#
# ## Where it lives
#
# - Code: `simplexnas.tasks` (data), `simplexnas.methods.penalties` ($S$), `simplexnas.methods.objective`, `simplexnas.report.pages.problem` (this page's figures and tables).
# - Tests: `tests/test_fashion_mnist.py`, `tests/test_penalties.py`, `tests/test_objective.py`, `tests/test_pages_problem.py`.
# - Data: `data/FashionMNIST`; `data/results/default-seed0/lattice.json`, written by `simplexnas lattice`, and `paper_points.json`, by `simplexnas points`.
