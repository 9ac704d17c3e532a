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
# # What happens in a training step?
#
# *For readers who have written a training loop · needs {doc}`problem`, {doc}`supernet`, {doc}`hypernetwork`, {doc}`sampling` · about 9 minutes*
#
# :::{admonition} In one minute
# :class: minute
# - A step draws a vector $S$ and one operation for every edge. This *path* is an ordinary small network, run on a batch of images. The weights follow the gradient of its loss; operations that were not drawn cost nothing.
# - What chooses learns without a gradient. In a warm-up all paths are drawn at random, and their losses tell by regression what each operation is *worth*. From then on each edge weighs this worth against its price under $S$.
# - In miniature a training runs in some seconds ({ref}`training-miniature`).
# :::

# %% tags=["hide-input"] mystnb={"image": {"alt": "Flow diagram for two steps, from top to bottom: a triangle with A to D and S, a larger dot, the hypernetwork, bars with the probabilities of five edges, a cell with the operations drawn, run on a batch of images, and its loss. A solid arrow goes on to the weights and back to both cells, a dashed one to a regression of losses on choices and from there, as worth, back to the hypernetwork."}, "figure": {"caption": "Two training steps after the warm-up, with made-up worths and a gain of 10. A bar is an edge of the normal cell, divided by the probabilities of its operations; the cell below shows what was drawn. Solid: forward, and the gradient's way to the weights. Dashed: not in these steps; once, when the warm-up ends, its losses give the worths, without a gradient. A to D: the author's S.", "name": "fig-step"}}
import matplotlib.pyplot as plt
from IPython.display import HTML, SVG

from simplexnas.report import figures
from simplexnas.report.pages import training

figures.as_in_the_book()
SVG(training.picture())

# %% [markdown]
# ## The step in ten lines
#
# {numref}`fig-step` shows two steps of a toy. In the preset a step has 32<!--=training.images--> images; here it is as a program. At the right stand the names in the code.
#
# ```{code-block} text
# :linenos:
#
# for each step, with a batch of images:
#     in the warm-up (the first 15 % of the steps):
#         choices = any operation on every edge             random_choice
#     else: S = penalties, mostly of promising networks     condition
#         α = g · (worth / κ − price of S)                  hypernetwork
#         choices = drawn by softmax(α)                     hard_sample
#     L = cross-entropy of the network with these choices   cross_entropy
#     weights: a step down the gradient of L                step
#     in the warm-up: remember choices and L                record
#     at its end, once: worth = regression of L on choices  _learn
# ```
#
# ($\alpha$ are the logits, $g$ is the *gain*, and $\kappa$ follows from the worths, both below. An edge that stands in two cells divides its worth by 2.)
#
# **Where is** $\kappa\,\mathsf{Lat}$**?** Not in the loss. Our price acts on the draw alone: it lowers the logits of what is dear. So only the cross-entropy has a gradient, and the code computes the price for the log.
#
# The real code, included from the files of the library as they are. `own`, `everyone` and `tensor_split` share out the paths of a step among processes; with one path and one process they give back what they get.
#
# ::::{tab-set}
# :::{tab-item} The loop
# ```{literalinclude} ../src/simplexnas/training/loop.py
# :language: python
# :caption: src/simplexnas/training/loop.py
# :start-at: while run.step < steps
# :end-at: run.done(
# :dedent: 8
# ```
# :::
# :::{tab-item} A step
# ```{literalinclude} ../src/simplexnas/methods/simplex.py
# :language: python
# :caption: src/simplexnas/methods/simplex.py
# :pyobject: SimplexMethod.loss
# :dedent: 4
# ```
# :::
# :::{tab-item} A draw
# ```{literalinclude} ../src/simplexnas/methods/simplex.py
# :language: python
# :caption: src/simplexnas/methods/simplex.py
# :pyobject: SimplexMethod.choice
# :dedent: 4
# ```
# :::
# :::{tab-item} From S to logits
# ```{literalinclude} ../src/simplexnas/methods/hypernetwork.py
# :language: python
# :caption: src/simplexnas/methods/hypernetwork.py
# :pyobject: WorthHypernetwork.forward
# :dedent: 4
# ```
# ```{literalinclude} ../src/simplexnas/methods/hypernetwork.py
# :language: python
# :caption: src/simplexnas/methods/hypernetwork.py
# :pyobject: WorthHypernetwork._set_kappa
# :dedent: 4
# ```
# :::
# :::{tab-item} Worth
# ```{literalinclude} ../src/simplexnas/methods/regression.py
# :language: python
# :caption: src/simplexnas/methods/regression.py
# :pyobject: worth
# ```
# :::
# ::::
#
# (training-gradient)=
# ## What is drawn, what the gradient reaches
#
# Of all that changes in a step, only the weights that ran follow the gradient ({numref}`tab-step`).
#
# :::{table} What a step changes, and how.
# :name: tab-step
#
# | what | how it comes about | gradient of the loss |
# |---|---|---|
# | $S$ | drawn | none |
# | logits $\alpha(S)$ | computed from worth and price | none |
# | operation of an edge | drawn *hard*: one, not a mixture | none |
# | weights of the operations drawn, stem, 1 × 1 convolutions at the cells' inputs, classifier | learned | **yes** |
# | weights of all other operations | rest in this step | none |
# | statistics of batch normalisation | running means of what passes; measured anew for each member | none |
# | worth | regression on the losses of the warm-up | none |
# :::
#
# **Why hard?** A mixture runs all three operations on every edge. A hard choice runs one, so that a step costs about as much as that of an ordinary network; and members are hard choices too. The published method trains on mixtures ({ref}`noise-then-softmax`), and its hypernetwork follows the gradient through them ({ref}`published-form`).
#
# **Where is $S$ drawn?** In the paper's objective, uniformly in the triangle. There most steps train members that nobody would take, since another is both smaller and, by the worths, better. So 80<!--=training.front--> % of ours lie where the *predicted front* is, the networks that no other beats in both size and the sum of worths.
#
# :::{dropdown} How is the front found?
# When the warm-up ends, 1,000<!--=training.draws--> $S$ are drawn, size and summed worth of each member computed, and those kept that no other beats in both. A step then draws a size, nearly evenly on a logarithmic scale, and takes the $S$ whose member is nearest in size (`Front` in `simplexnas.methods.simplex`).
#
# The other $S$ lie anywhere in the triangle, 25<!--=training.corner--> % of them drawn from Dirichlet(1/2), which visits its sides more often.
# :::
#
# (training-worth)=
# ## From losses to choices
#
# **Losses tell what an operation is worth.** A path with a good operation on an edge has a lower loss, on average. So regress the losses of many paths on their choices:
#
# $$\text{loss} = \text{trend} + \sum_{e} \text{effect of the operation on edge } e + \text{noise}.$$
#
# The trend, a parabola, takes out that all losses fall. The worth of an operation is by how many nats (the unit of a cross-entropy with natural logarithm) it lowers the loss, relative to the mean of the edge's three.
#
# An effect has two parts: one that all edges of a cell type have in common for this operation, and one of the edge's own. The regression holds both near 0 unless the losses speak against it (Bayesian ridge regression). So with few losses all edges of a cell type look alike.
#
# **Only a warm-up teaches.** In the first 15<!--=training.warmup--> % of the steps every path is drawn at random. For each path and cell type, shares of the three operations are drawn, then each edge's operation by these shares: one path has many convolutions, the next few. The second half of these paths is regressed, once; the first half is of weights that know nothing yet.
# After the warm-up only the weights learn. Later estimates would confirm themselves: what is drawn often is trained well, looks good, and is drawn more often still.
#
# **Worth against price.** On each edge, {eq}`eq-worth` of {doc}`hypernetwork` then weighs worth against price. How many nats a unit of $S$ weighs, $\kappa$, follows from the worths: their root mean square becomes 0.3<!--=training.spread--> in units of $S$ ({ref}`kappa-by-a-rule`). The *gain* $g$ is 400<!--=training.gain-->: nearly all choices are clear, and training sees hardly more than the members.
#
# The whole takes 12<!--=training.epochs--> epochs in the preset `default`.
#
# (training-miniature)=
# ## A training in miniature
#
# Here is a whole training of our method that you can run: 8 × 8 pixels of handwritten digits, cells with two nodes, eight channels. It has 15 epochs, no mirroring, and a warm-up of half of the steps, so that little data show much; all else of the method is the preset's.

# %%
from simplexnas import load, preset

splits = load("digits")
config = preset(
    "default",
    warmup=0.5,
    **{"shape": splits.task.shape, "nodes": 2, "channels": 8},
    **{"train_images": len(splits.train), "epochs": 15, "flip": False},
)

# %%
import tempfile

import torch

from simplexnas.training.loop import search

torch.set_num_threads(1)  # the tensors are small
with tempfile.TemporaryDirectory() as folder:
    method = search(config, splits.train, folder, progress_bar=False)

# %% tags=["hide-input"] mystnb={"image": {"alt": "Above, the losses of the warm-up on a logarithmic scale fall from 2.3 nats at the first step, with crosses for its first half and dots for its second, which the regression sees. Below, for each of ten edges, the worth of its three operations with standard errors."}, "figure": {"caption": "The training in miniature. Above: the loss of each path of the warm-up. Below: what the regression found each operation to be worth, ± standard error; 0 is the mean of an edge. Nodes 0 and 1 are the cell's inputs, c-2 and c-1.", "name": "fig-miniature"}}
training.curves(method)
plt.show()

# %% [markdown]
# The loss starts at ln 10 = 2.303, that of guessing ({numref}`fig-miniature`). From step to step it jumps: each path is another network, and each batch has other images.
#
# Many worths lie within a standard error or two of 0. The regression sees 135 paths, the second half of the warm-up; they say no more, which is why it needs its errors.
# The worths are larger than on Fashion-MNIST ({numref}`fig-worths`), and so is $\kappa$: here the rule gives 0.046.
#
# The members of this family have their weights from these seconds alone ({numref}`tab-miniature`; {numref}`fig-simplex` shows A to D):

# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"figure": {"caption": "Members of the miniature: operations on 10 edges, edge parameters, and accuracy on 359 test digits.", "name": "tab-miniature"}}
HTML(training.members(method, splits).to_html(index=False, border=0))

# %% [markdown]
# ## Exercises
#
# **1. Who moves?** In one step, on which edges of the normal cell does the weight of a convolution get a gradient? Say it in one sentence, then look.

# %% tags=["hide-input"] mystnb={"code_prompt_show": "Solution", "code_prompt_hide": "Hide the solution"}
from simplexnas.io.seeds import generator
from simplexnas.methods.method import Step
from simplexnas.space.search_space import cell_edges
from simplexnas.training.batches import draw_batches

# On those where its path drew a convolution.
number, random = 0, generator(config.seed, 0)  # the first step
batches = draw_batches(splits.train, config, number, random)
method.loss(batches, Step(number, config.steps, random))["loss"].backward()
for edge, (target, source) in enumerate(cell_edges(config.space)):
    part = f"{target}<-{source}/sep_conv_3x3"
    weight = method.supernet.cells[0].edge_parts[part][0].weight
    drawn = method.paths.choices[number, edge] == 2
    assert (weight.grad is not None) == drawn

# %% [markdown]
# **2. Regression by hand.** Invent a few thousand random paths through the edges of the miniature. Let each pooling in the normal cell (the first five edges) lower the loss by 0.02 nats, with Gaussian noise of deviation 0.1. What are pooling, identity and convolution worth on such an edge? Does the regression find it?

# %% tags=["hide-input"] mystnb={"code_prompt_show": "Solution", "code_prompt_hide": "Hide the solution"}
import numpy as np

from simplexnas.methods.regression import worth

random = np.random.default_rng(0)
choices = random.integers(3, size=(2000, 10))
noise = random.normal(scale=0.1, size=2000)
losses = 1 - 0.02 * (choices[:, :5] == 0).sum(axis=1) + noise
found = worth(choices, losses, config.space)

# The edge's mean is 0.02 / 3: pooling has 0.0133, the others -0.0067.
expected = np.zeros((10, 3))
expected[:5] = [0.04 / 3, -0.02 / 3, -0.02 / 3]
assert np.abs(found.nats - expected).max() < 0.01

# %% [markdown]
# ## What can go wrong
#
# - **Worths belong to weights.** They are learned while the weights change, and from weights that have seen little. A warm-up in which all are drawn alike lessens this; it does not end it.
# - **Batch normalisation.** Its running statistics mix all paths. A member is measured with statistics of its own.
# - **The miniature is a toy.** Digits are easy, and its warm-up is longer than the preset's. It shows how a training works, and nothing about Fashion-MNIST.
#
# ## Where it lives
#
# - Code: `simplexnas.training.loop` (the loop), `simplexnas.methods.simplex` (a step), `simplexnas.methods.regression`, `simplexnas.methods.hypernetwork`, `simplexnas.training.optimizers`, `simplexnas.report.pages.training` (this page's figures and table).
# - Tests: `tests/test_training.py`, `tests/test_simplex.py`, `tests/test_regression.py`, `tests/test_optimizers.py`, `tests/test_pages_training.py`.
# - Data: scikit-learn's digits, which come with it; nothing is stored. A family of your own: `simplexnas search`.
