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
# # How is an operation drawn?
#
# *For readers who know what a softmax is · needs {doc}`supernet` · about 4 minutes*
#
# :::{admonition} In one minute
# :class: minute
# - On every edge the paper's training draws a *mixture* of the three operations by *Gumbel-Softmax*: add noise to their scores (*logits*), then take the softmax. The lower the *temperature*, the nearer the mixture is to one operation.
# - Each operation is the largest part of the mixture with the probability that softmax of the logits gives it, **at every temperature**.
# - Two statements about it in the author's text do not hold.
# :::

# %% tags=["hide-input"] mystnb={"image": {"alt": "Two triangles of samples. At t = 1 they fill the triangle; at t = 0.2 most lie near the three corners. Three markers, each for one largest component, have the same shares in both."}, "figure": {"caption": "Gumbel-Softmax samples at the first and the last temperature of the paper, with logits (1, 0, 0.5) of pooling, identity and convolution; the same noise in both. Colour and marker: the largest component. Unlike in the triangles of S, a corner here *is* an operation: the mixture holds nothing else.", "name": "fig-gumbel"}}
import matplotlib.pyplot as plt
from IPython.display import HTML

from simplexnas.report import figures
from simplexnas.report.pages import sampling

figures.as_in_the_book()
sampling.clouds()
plt.show()

# %% [markdown]
# (noise-then-softmax)=
# ## Noise, then softmax
#
# Slide 5 {cite}`firsov2024`, in our translation:
#
# > During training the temperature of the Gumbel-Softmax distribution was lowered from 1 to 0.2.
#
# Training has to draw an operation for each edge, likelier ones more often. Add independent Gumbel noise $G_m$ to the logits $\alpha_m$ of an edge and take $\gamma = \mathrm{softmax}((\alpha + G)/t)$ {cite}`jang2017,maddison2017`.
# (Standard Gumbel noise is $-\ln(-\ln U)$, with $U$ uniform from nought to one.)
# This is a mixture of the operations, a place in the triangle ({numref}`fig-gumbel`). At a high temperature $t$ it lies inside; at a low one mostly near a corner, which is a choice.
#
# **Why not `torch.multinomial`?** It returns the number of an operation, and a number has no gradient with respect to $\alpha$. The mixture has one: it is a smooth function of $\alpha$ and of noise that does not depend on $\alpha$.
#
# **The temperature changes no odds.** The largest component is operation $j$ with probability $\mathrm{softmax}(\alpha)_j$ at every $t$ ({numref}`tab-gumbel`): it is that of $\alpha + G$, as softmax and a division by $t$ keep the order. (That the largest of $\alpha + G$ has these odds is the *Gumbel-max trick* {cite}`maddison2017`.)
# A *hard sample* takes the largest component alone, and needs no temperature.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "How often each operation is the largest component of 100,000 samples with logits (1, 0, 0.5), at both temperatures and hard.", "name": "tab-gumbel"}}
HTML(sampling.shares().to_html(index=False, border=0))

# %% [markdown]
# Our training draws hard samples. It needs no gradient with respect to $\alpha$, because its logits come from a regression ({ref}`training-worth`). So of our presets only `paper` needs $t$, and lowers it as the author's code does: by 0.08 after each tenth of the training, to 0.28 in the last tenth; the slide's 0.2 would come after it. The relaxed measurements of {ref}`ways-to-measure` need it too, and so do two methods of {doc}`methods`.
#
# (limit-of-a-sample)=
# ## Two statements that do not hold
#
# The author's Russian text {cite}`firsovtext` states as a theorem that as $t \to 0$ a sample tends to the corner of the largest logit, and that its mean at $t$ is $\mathrm{softmax}(\alpha/t)$. Neither holds.
#
# As $t \to 0$ a sample tends to a *random* corner, drawn from $\mathrm{softmax}(\alpha)$.
#
# At a positive $t$ the mean of a sample is in general neither $\mathrm{softmax}(\alpha)$ nor $\mathrm{softmax}(\alpha/t)$. Take two operations with logits $(2, 0)$, at the first temperature: both of these give the first one 0.88<!--=sampling.limit-->, the mean is 0.79<!--=sampling.mean-->. Samples agree (second exercise).
#
# ## Exercises
#
# **1. Does the temperature change the odds?** Take the logits of {numref}`fig-gumbel`, and the same noise at two temperatures. How often do the two differ in which operation is largest? How often is each one the largest?

# %% tags=["hide-input"] mystnb={"code_prompt_show": "Solution", "code_prompt_hide": "Hide the solution"}
import torch

from simplexnas.methods import gumbel

logits = torch.tensor([1.0, 0.0, 0.5]).expand(100_000, 3)
largest = [
    gumbel.gumbel_softmax(
        logits, t, torch.Generator().manual_seed(0)
    ).argmax(dim=1)
    for t in (1.0, 0.2)
]
assert torch.equal(*largest)  # never: t divides all components alike
shares = torch.bincount(largest[0]) / len(logits)
assert torch.allclose(shares, logits[0].softmax(dim=0), atol=0.005)

# %% [markdown]
# **2. Is the mean softmax(α/t)?** Take two operations with logits 2 and 0. Draw many samples at each $t$ of {numref}`tab-mean-exercise`, and compare the mean of the first component with that of $\mathrm{softmax}(\alpha/t)$.
#
# :::{table} The first component of softmax(α/t) for logits 2 and 0.
# :name: tab-mean-exercise
#
# | temperature $t$ | 1 | 0.5 | 0.01 |
# |---|---|---|---|
# | first component of $\mathrm{softmax}(\alpha/t)$ | 0.881 | 0.982 | 1.000 |
# :::

# %% tags=["hide-input"] mystnb={"code_prompt_show": "Solution", "code_prompt_hide": "Hide the solution"}
mean = {}
logits = torch.tensor([2.0, 0.0]).expand(400_000, 2)
for t in (1, 0.5, 0.01):
    random = torch.Generator().manual_seed(0)
    drawn = gumbel.gumbel_softmax(logits, t, random)[:, 0]
    mean[t] = drawn.double().mean().item()
assert abs(mean[1] - sampling.mean_of_two(2.0)) < 0.002  # 0.7945
assert mean[1] < mean[0.5] < 0.87  # far below 0.982
assert abs(mean[0.01] - 0.8808) < 0.002  # softmax(α), not 1

# %% [markdown]
# ## What can go wrong
#
# - **The model that was measured.** A mixture at $t = 1$ and a discrete network are different models. {ref}`ways-to-measure` evaluates both.
#
# ## Where it lives
#
# - Code: `simplexnas.methods.gumbel`, `simplexnas.report.pages.sampling` (this page's figure and table).
# - Tests: `tests/test_gumbel.py`, `tests/test_pages_sampling.py`.
# - Data: none; what is drawn on this page is drawn anew.
