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
# # What does Lat measure?
#
# *For readers who want to know what the objective asks for · needs {doc}`supernet` and {doc}`hypernetwork` · about 9 minutes*
#
# :::{admonition} In one minute
# :class: minute
# - $\mathsf{Lat}$, the paper's term for complexity and latency, is a price: probability times penalty, summed over edges. No millisecond, no parameter and no image size is in it.
# - With the weight $\kappa = 50$ of the author's code, one edge outweighs all that data can say wherever two penalties differ by more than 0.046<!--=latency.border-->.
# - A hundred trainings on the price alone, without an image, have counts of operations like the paper's. So its counts can come about without any data. *Where* the paper's operations stand, such trainings do not explain.
# :::

# %% tags=["hide-input"] mystnb={"image": {"alt": "Four panels, one each for A, B, C and D, with the numbers of edges with pooling, identity and convolution. The dots of a hundred trainings spread widely where operations tie, and lie at 0 where one is dear. The cross of the paper lies within the dots everywhere."}, "figure": {"caption": "A hundred trainings of the published hypernetwork on the price alone (circles after 10 epochs, diamonds after 20) and the author's models (crosses): edges with each operation at A, B and C of slide 6, and at D of his later text.", "name": "fig-without-images"}}
import matplotlib.pyplot as plt
from IPython.display import HTML

from simplexnas.report import figures
from simplexnas.report.pages import latency

figures.as_in_the_book()
latency.hundred()
plt.show()

# %% [markdown]
# (a-price)=
# ## A price, not a time
#
# Slide 3 {cite}`firsov2024`, in our translation:
#
# > […] where $\mathsf{Lat}(\alpha(S, a))$ is a regularisation term responsible for the complexity of the model and the latency of executing the operations.
#
# The slides give no formula. In the author's code {cite}`firsovcode` it is a sum over edges and operations, with weight $\kappa = 50$:
#
# $$\mathsf{Lat} = \sum_{e} n_e \sum_m p_{em}\, S_m ,$$ (eq-lat)
#
# where $p_{em}$ is the probability of operation $m$ on edge $e$, and $n_e$ the number of cells that hold the edge: 1 or 2, 42 in all.
#
# **No time is in it.** An edge on a 28 × 28 image costs as much as one on 7 × 7, and a pooling as much as a convolution, if $S$ says so. Here is what else one could count:

# %% tags=["hide-input"] mystnb={"figure": {"caption": "What one edge costs, by four measures. Lat: where all penalties are equal. ms: of 64 images in PyTorch, shared work divided equally among edges. Both edges leave an input; the one of the reduction genotype stands in two cells.", "name": "tab-measures"}}
HTML(latency.measures().to_html(index=False, border=0))

# %% [markdown]
# No column stands in for another. In the reduction genotype a convolution has fifteen times the parameters that it has in the normal one, and takes only a third more time.
# {numref}`fig-parameters-macs` shows the same of whole networks. So $\mathsf{Lat}$ is a price, not a latency; we keep the paper's name. Time is measured in {doc}`timing`.
#
# ## Its mean, and its gradient
#
# $\mathsf{Lat}$ is linear in the probabilities. So its mean over hard samples is $\mathsf{Lat}$ at their probabilities, which are $\mathrm{softmax}(\alpha)$ at every temperature $t$ ({ref}`noise-then-softmax`).
# The `paper` preset prices $\mathrm{softmax}(\alpha)$, without a temperature, as the author's code does. (His Russian text {cite}`firsovtext` writes $\mathrm{softmax}(\alpha/t)$, the price of another distribution.)
# For its relaxed samples, $\mathsf{Lat}$ is the mean price of the architectures that they round to, not of the mixtures.
# Exercise 1 lists all architectures of a small space; in the full space 20,000 samples agree (a test).
#
# **At uniform S it says nothing.** The derivative of {eq}`eq-lat` with respect to a logit is $n_e\, p_{em}\,(S_m - \sum_i p_{ei} S_i)$.
# If all $S_m$ are equal, it is 0 for every $p$. At A the price has no gradient. But all $S$ share the parameters $a$ of the hypernetwork: what the price does elsewhere still changes the logits at A.
# Where all operations are equally likely, the gradient on a normal edge is a third of the vector from the centre of the triangle to $S$: largest at the corners, and equally large at B, C and D (exercise 2).
#
# (price-decides)=
# ## Elsewhere it can decide alone
#
# On this page *the paper's models* are those of slide 6, A, B and C, and D, which is from the author's later Russian text {cite}`firsovtext` alone.
#
# At B, one edge of the network that goes from convolution to pooling saves $\kappa$ times the difference of the two penalties, 27.5<!--=latency.saved50--> *nats* (the unit of a cross-entropy with natural logarithm) with the author's $\kappa$.
# The cross-entropy of a network that goes from guessing to perfection falls by $\ln 10$ nats, ten classes being equally likely at first. So one edge counts 12<!--=latency.outweighs--> times as much as all that a network can improve on guessing.
#
# Now suppose that the weights are the best for each architecture, the paper's $w^*$. Then no architecture need lose more than ln 10, and the minimiser of the objective is known without data, as far as the hypernetwork can express it:
# where penalties differ by more than ln 10 / 50 ≈ 0.046<!--=latency.border-->, **every edge takes an operation of least penalty**. Among equal penalties the price does not decide; there we draw at random.
# We call this the *data-free control*. A trained hypernetwork need not find this minimiser, and the published one does not.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Edges with pooling / identity / convolution, in the paper's models and in one draw of the control. P-value: of equal shares among the operations that tie.", "name": "tab-control"}}
HTML(latency.control_counts().to_html(index=False, border=0))

# %% [markdown]
# Where the control forbids an operation, the paper's models nearly obey it ({numref}`tab-control`): B has no convolution, C no pooling, D one identity of 28.
# Among the operations that tie, no P-value is below 0.05, and D comes nearest. With 28 edges such a test finds only large differences.
#
# So the *totals* are compatible with random ties. The *places*, decoded in {ref}`supernet-decoded`, are not:

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Where the paper's operations stand: of its convolutions those in the normal genotype, of its identities those with stride 2. Expected: if all edges were alike. Chance: of being as far on the same side, from a hypergeometric distribution.", "name": "tab-places"}}
HTML(latency.places().to_html(index=False, border=0))

# %% [markdown]
# By {numref}`tab-places` all of D's convolutions stand in the normal genotype, where they are small. Nearly all of C's stand in the reduction genotype, where they are large. Of the 21 identities in A and B one has stride 2, where 6 are expected; at C the convolutions leave only three reduction edges.
# Independent ties hardly ever look like this. Something placed them. We chose these tests after seeing the numbers.
#
# (without-images)=
# ## A hundred trainings without images
#
# Take the published hypernetwork ({ref}`published-form`) and train it with the price alone: no images, no network, no cross-entropy.
# The optimiser is that of the author's configurations {cite}`firsovcode`: Adam, one $S$ for each step. Two of them are for three operations, both with the $\kappa$ named above: one of 10 epochs, as in his Russian text {cite}`firsovtext`, and one of 20, as in his English one {cite}`firsovenglish`.
# `simplexnas without-images` trains a hundred, which differ in their initial values and in the $S$ drawn. {numref}`fig-without-images` has them all, {numref}`tab-without-images` their means:

# %% tags=["hide-cell"] mystnb={"code_prompt_show": "The hundred trainings in numbers", "code_prompt_hide": "Hide the table", "figure": {"caption": "Edges with each operation: mean ± standard deviation over a hundred trainings without images. Distance: of the paper's count, the largest of three, in standard deviations.", "name": "tab-without-images"}}
HTML(latency.spread().to_html(index=False, border=0))

# %% [markdown]
# **The paper's counts can come about without data.** Each of the twelve lies within 1.2<!--=latency.distance10--> standard deviations of what the price alone gives in 10 epochs, and within 1.6<!--=latency.distance20--> in 20, down to the one identity of D. These standard deviations are wide where operations tie.
# So the steering that the paper's table shows can come from the price. That is no fault of the method, which promises it. But the counts are no sign that the data chose anything, and none that they did not.
#
# The places could be a sign of data. Could the price alone have made them? The published hypernetwork takes the logits of an edge from the distances between $S$ and some points that it learns, its *pivots*; the edges of one node share these points. So they are not independent, as ties are. How many trainings are as one-sided as the paper's models, and how many have a network as small as B or D among 231 points $S$?

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Trainings without images whose identities and convolutions are as one-sided as those of the paper's models (normal: in the normal genotype), and that have a network within B's and D's edge parameters.", "name": "tab-one-sided"}}
HTML(latency.one_sided().to_html(index=False, border=0))

# %% [markdown]
# Each of the first three sides occurs, in 7<!--=latency.sides.least--> to 12<!--=latency.sides.most--> of a hundred trainings. All three together, those of slide 6, hardly ever do, and D's side, all convolutions in the normal genotype, never.
# So price and initial values hardly explain the places, with D or without. (We chose these sides after seeing the paper's.)
#
# Nor do data, as long as $\kappa$ is 50: there our trainings with images leave the choices nearly as they are ({ref}`have-data-a-say`). A smaller $\kappa$ could, or a detail of the author's training that we do not know.
#
# (what-we-change)=
# ## What we change
#
# Our variant, the preset `default`, adds a price of parameters: $c_{em}(S) = S_m +$ 1<!--=latency.parameter_price--> $q_{em}$ in place of $S_m$ in {eq}`eq-lat`. Here $q_{em}$ is the number of the operation's parameters in one cell, over the largest such number, 5,984<!--=latency.largest-->. (The two reduction cells differ: it is their mean.) So a parameter costs the same wherever it stands.
# At uniform $S$ pooling then costs 0.333<!--=latency.cheapest--> and the largest convolution 1.333<!--=latency.dearest-->: a large convolution is dearer than a small one at the same $S$.
#
# **Nor is $\mathsf{Lat}$ in our loss.** Prices act on the draw of operations ({ref}`training-gradient`), and $\kappa$ is no setting: it follows from what a training finds operations to be worth ({ref}`kappa-by-a-rule`). In our trainings it is 0.014<!--=latency.kappa.least--> to 0.016<!--=latency.kappa.most--> nats.
#
# **Price and data can both decide.** Take an average edge of the reduction cell. A convolution in the place of pooling is worth 0.010<!--=latency.gained.least--> to 0.013<!--=latency.gained.most--> nats in each cell ({numref}`fig-worths`). At B it costs at least 0.022<!--=latency.dearer.B--> nats more, penalty and parameters together; at C, where its penalty is the smaller one, at most 0.007<!--=latency.dearer.C-->. So at B the price decides, and at C, where it alone would take pooling, the data do.
#
# ## Exercises
#
# **1. Is the mean of the price the price of the mean?** A cell with one intermediate node has two edges, so that two genotypes make 81 architectures. Draw logits, and compare the mean price of them all, each weighted by its probability, with {eq}`eq-lat`.

# %% tags=["hide-input"] mystnb={"code_prompt_show": "Solution", "code_prompt_hide": "Hide the solution"}
import itertools

import torch
from torch.nn.functional import one_hot

from simplexnas.space import cost
from simplexnas.space.search_space import SearchSpace

tiny, S = SearchSpace(nodes=1), torch.tensor([[0.2, 0.3, 0.5]])
p, prices = torch.randn(1, 4, 3).softmax(dim=-1), cost.price(S, tiny)
mean = 0.0
for choice in itertools.product(range(3), repeat=4):
    hard = one_hot(torch.tensor([choice]), 3).float()
    mean += (p * hard).sum(-1).prod() * cost.price_term(hard, prices, tiny)
assert torch.isclose(mean, cost.price_term(p, prices, tiny))

# %% [markdown]
# **2. Which way does the price pull?** Derive the gradient of {eq}`eq-lat` with respect to the logits. What is it at B on a normal edge on which all operations are equally likely? And on an edge of the reduction genotype?

# %% tags=["hide-input"] mystnb={"code_prompt_show": "Solution", "code_prompt_hide": "Hide the solution"}
# dp_i / dalpha_m = p_i (1[i = m] - p_m); summed with n S_i this is
# n p_m (S_m - sum_i p_i S_i), here n (S_m - 1/3) / 3.
B = torch.tensor([0.15, 0.15, 0.70])
by_hand = (B - 1 / 3) / 3
assert torch.allclose(
    by_hand, torch.tensor([-0.061, -0.061, 0.122]), atol=1e-3
)

space = SearchSpace()
logits = torch.zeros(1, 28, 3, requires_grad=True)
prices = cost.price(B[None], space)
cost.price_term(logits.softmax(dim=-1), prices, space).backward()
normal, reduction = logits.grad[0, 0], logits.grad[0, 14]
assert torch.allclose(normal, by_hand)
assert torch.allclose(reduction, 2 * by_hand)

# %% [markdown]
# ## What can go wrong
#
# - **Reading Lat as milliseconds.** It has no unit. Report edge parameters, total parameters, MACs and measured time beside it.
# - **Crediting the method for steering.** Counts that follow $S$ prove nothing by themselves. Compare accuracy at equal cost.
# - **A rule of thumb for $\kappa$.** Only the product of $\kappa$ and $\mathsf{Lat}$ matters. $\mathsf{Lat}$ lies between 0 and 42 here with the published price, at most 71.9<!--=latency.most--> with ours (convolutions only, all penalty on them), and grows with the number of cells.
#
# ## Where it lives
#
# - Code: `simplexnas.space.cost` (price and $\mathsf{Lat}$), `simplexnas.measure.price_alone` (the hundred trainings), `simplexnas.measure.baselines` (the control), `simplexnas.report.pages.latency` (this page's tables and figures).
# - Tests: `tests/test_cost.py`, `tests/test_price_alone.py`, `tests/test_pages_latency.py`.
# - Data: `data/results/without_images.json`.
