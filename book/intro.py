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
# # A simplex of architectures
#
# In *neural architecture search* a program decides how a neural network is built. A short paper, a set of slides in Russian {cite}`firsov2024`, says that after one training a vector S, with a penalty for each kind of operation, gives a network, and another S another network, without fine-tuning. This book tests it. (Only want a model? {doc}`budget`)
#
# *Slide 3 and slide 7, in our translation:*
#
# > […] write the architecture parameters α as a function of a **vector** complexity parameter **S** […]
#
# > The method can obtain architectures of models by changing the vector of the complexity parameter, without the need for additional fine-tuning.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The method, as one training of ours carries it out. A point S of the triangle (a corner is all the penalty on one operation) gives each of 28 edges an operation; drawn are the 14 of one kind of cell. Full bars: an edge's highest score. Rings: the networks of 231 points S, all with the weights of one training. A network is a chain of such cells ({numref}`fig-supernet`). A to C: the points of the slides; D: of a later text.", "name": "fig-method"}}
import matplotlib.pyplot as plt
from IPython.display import HTML

from simplexnas.report import figures
from simplexnas.report.pages import intro

figures.as_in_the_book()
HTML(intro.method())

# %% [markdown]
# {numref}`fig-method` shows the method. A network here is a chain of *cells*. In a cell *edges* join nodes, and on each edge stands one *operation*: pooling, identity (pass on what comes) or convolution. So to choose a network is to choose an operation for each of 28 edges ({doc}`supernet`).
#
# All choices share one set of weights, trained once on Fashion-MNIST {cite}`xiao2017fashionmnist`, pictures of clothes. The networks that one training gives are its *family*, the network of one S is a *member*, and it *inherits* its weights: they are not trained further. Words with a dotted line say what they mean; {doc}`notation` lists them.
#
# (what-we-found)=
# ## What we found
#
# 1. **S steers, after one training.** The higher the penalty on an operation, the fewer edges take it, in the published method as in ours (in ours by construction), and no network is trained further. One training of ours gives about a dozen networks of 87<!--=intro.front.low--> to 92<!--=intro.front.high--> % such that no other member is both smaller and more accurate.
# 2. **In the published method the images hardly decide which operation stands where.** Without a single image one training makes nearly the same choices, at the setting of the author's code ({ref}`have-data-a-say`). In ours they have a say: in five pairs of short trainings, worths learned from the losses are just ahead of random ones in hypervolume, ahead among large networks and behind among small ones ({ref}`own-weights`).
# 3. **Random choices of the same kind and size, trained alone, are nearly as good.** Ten random architectures, each trained by itself, are on average 0.2<!--=sharing.lead--> percentage points behind the members of their kind (with or without a convolution in the reduction cell) that are nearest in size, trained alone too. Against the best member of at most their size, 8<!--=sharing.beaten--> of ten are behind ({ref}`worth-a-search`).
#
# All that the paper says, claim by claim, and what else we found: {doc}`verdict`.
#
# (paths)=
# ## Three ways to read
#
# ::::{div} full-width ways
# :::{div}
# **A student, about 44 minutes.** Afterwards you can write the training step yourself, and say what every part of the objective asks for.
#
# 1. {doc}`problem`: the paper's objective, and its training as seven lines. With exercises, like the pages after the explorer.
# 2. {doc}`explorer`: drag S and watch the network.
# 3. {doc}`supernet`.
# 4. {doc}`hypernetwork`.
# 5. {doc}`sampling`.
# 6. {ref}`a-price`, a section: the term Lat of the objective.
# 7. {doc}`training`.
# :::
# :::{div}
# **A reviewer, about 19 minutes.** Afterwards you can judge the paper's claims and ours, and recompute any number.
#
# 1. {doc}`verdict`.
# 2. {ref}`have-data-a-say`.
# 3. {doc}`learning`: all opponents side by side.
# 4. For any number, its file and what wrote it: {ref}`which-command`
# :::
# :::{div}
# **An engineer, about 14 minutes of reading.** Afterwards you can choose a network within your limits, export it, and train a family on pictures of your own. Computing comes on top: a few minutes for a file from the menu, within the hour for a first family of your own.
#
# 1. {doc}`budget`: the menu, and from a limit to a file.
# 2. {doc}`own_images`.
# 3. Where a limit in milliseconds matters: {doc}`timing`
# :::
# ::::
#
# (result)=
# ## The result

# %% tags=["hide-input"] mystnb={"image": {"alt": "Test accuracy against parameters of the network. The paper's A to D lie lowest, at 79 to 85 percent. Pooling everywhere has 87 percent with the fewest parameters of all. From there the fronts of our five trainings rise to 92 percent at about 40,000. The fronts of the published method, trained by us, begin at about 40,000 with 86 percent and reach 92 percent beyond 110,000."}, "figure": {"caption": "Accuracy against size. A front holds the members that no other member beats in size and in validation accuracy; it is drawn with test accuracy. A to C: slide 6; D: a later text of the author.", "name": "fig-result"}}
intro.result()
plt.show()

# %% [markdown]
# In {numref}`fig-result` the paper's models lie below all others. Its own table, slide 6, in our translation:
#
# > 1\. Equal penalty **0.33, 0.33, 0.33**<br>
# > 2\. Increased penalty on convolutions **0.15, 0.15, 0.70**<br>
# > 3\. Increased penalty on pooling **0.70, 0.15, 0.15**
# >
# > | Models | 1 | 2 | 3 |
# > |---|---|---|---|
# > | Accuracy | 82.5% | 79.2% | 85.0% |
# > | Number of parameters | 38304 | 5120 | 143488 |
# > | Number of pooling | 12 | 17 | 0 |
# > | Number of convolution | 6 | 0 | 13 |
# > | Number of identity | 10 | 11 | 15 |
#
# We call these three points A, B and C. The author's later Russian text {cite}`firsovtext` adds D = (0.15, 0.70, 0.15), which the slides do not have. {numref}`tab-headline` puts the paper's models beside ours. *Edge parameters* are those of the chosen operations, as the paper counts them; every network has 20,506<!--=supernet.fixed--> more.
#
# ::::{div} headline full-width
# <!--=headline-->
# :::{table} Test accuracy in percent, and edge parameters. Bold: the best of 231 S within the paper's parameters, a choice that the paper did not make.
# :name: tab-headline
# | S | paper | ours, same S (3 trainings) | ours, best within the paper's parameters (3 trainings) | published method, trained by us, same S (1 training) |
# | --- | --- | --- | --- | --- |
# | A | 82.5 <br>at 38,304 | 91.8 ± 0.6 <br>at 27,691 | **92.1 ± 0.3** <br>at 27,947 | 91.7 <br>at 98,016 |
# | B | 79.2 <br>at 5,120 | 87.9 ± 0.2 <br>at 8,533 | **88.6 ± 0.0** <br>at 3,200 | 86.3 <br>at 25,600 |
# | C | 85.0 <br>at 143,488 | 92.0 ± 0.2 <br>at 62,005 | **92.1 ± 0.2** <br>at 55,787 | 92.1 <br>at 146,688 |
# | D | 81.4 <br>at 12,320 | 91.9 ± 0.5 <br>at 21,557 | **88.8 ± 0.2** <br>at 4,907 | 92.1 <br>at 110,912 |
# :::
# <!--/headline-->
# ::::
#
# **How to read it.** The same S does not mean the same size: compare sizes before accuracies. Nor do fewer parameters mean less computing: at A, B and C our best have 15 to 35 % more multiply-accumulates (MACs) than the paper's models, at D fewer ({ref}`paper-and-ours`).
#
# - **Ours**: inherited weights, no fine-tuning; only the statistics of batch normalisation are re-estimated, on training images. "±" is the standard deviation over five trainings with different seeds, at their mean size. The choice of test images adds about 0.3 percentage points, mostly shared by all of them, which ± does not show. The paper gives one number for each model, without spread or seeds.
#
# - **Best within the paper's parameters** (bold): the member best on a validation split among the points S of a *lattice* with step 0.05, for each training. At D it is behind "same S", which is larger there and has a convolution where it counts ({ref}`why its best is behind <why-D>`).
#
# - **The published method, trained by us**: its objective, hypernetwork and sampling, completed by the author's code {cite}`firsovcode` where the slides are silent, under our optimiser. It had 5<!--=intro.epochs.theirs--> epochs, in about the time of our 12<!--=intro.epochs.ours-->, with three seeds, and nothing was tuned for it. At A, B and D its networks have 2.6<!--=intro.larger.least--> to 9<!--=intro.larger.most--> times the paper's edge parameters.
#
# The paper's numbers are quoted; ours are of a variant of the method, the preset `default`. Its recipe was tuned on the validation images, over short trainings whose number we did not record; the published method was not ({ref}`which-command`). So the gap between the columns is not the effect of one change: {ref}`deviations` lists what differs.
#
# (pages)=
# ## All pages
#
# The paper's statements stand in block quotes, always with the slide; everything else is ours. *The paper* means the slides; of D, which they lack, we say so where it counts. Whether its models came from the version of the author's code that we read, we do not know. Each chapter on the method states its result, shows the smallest example, uses the library, and checks it by a second route.
#
# ::::{div} full-width parts
# :::{div}
# *Start*
#
# - {doc}`verdict`: the paper's claims, one by one.
# - {doc}`explorer`: drag S, and see the network change.
# :::
# :::{div}
# *The method*
#
# - {doc}`problem`: the question, the data, and the vector S.
# - {doc}`supernet`: cells, edges, operations; the parameter counts decoded.
# - {doc}`hypernetwork`: from S to logits, as published and as we do it.
# - {doc}`sampling`: from logits to an operation, by Gumbel-Softmax.
# - {doc}`latency`: the regulariser Lat, and a hundred trainings without images.
# - {doc}`training`: one step, and a training in miniature.
# - {doc}`methods`: how the methods that the paper cites choose.
# :::
# :::{div}
# *Results*
#
# - {doc}`experiments`: the full table.
# - {doc}`published_method`: as we trained it, with and without images.
# - {doc}`triangle`: the whole family, and accuracy against size.
# - {doc}`sharing`: inherited weights against weights of their own.
# - {doc}`learning`: learned against random choices, and other opponents.
# - {doc}`ablation`: one change at a time.
# :::
# :::{div}
# *Use it*
#
# - {doc}`budget`: from a limit to a file.
# - {doc}`own_images`: a family of pictures of your own.
# - {doc}`timing`: the time of a network, predicted from its parts.
# - {doc}`time_price`: families trained with measured time as their price.
# :::
# :::{div}
# *Reference*
#
# - {doc}`notation`: the symbols, with their names in the code, and the words.
# - {doc}`reproduce`: commands, times, versions.
# - {doc}`bibliography`: the works cited.
# :::
# ::::
#
# ## Abstract in Russian
#
# <div lang="ru">
#
# **Аннотация.** Книга проверяет работу о поиске архитектуры нейронной сети (слайды С. Фирсова, МФТИ, 2024). Суперсеть обучается один раз, а гиперсеть по вектору S штрафов за пулинг, тождественную операцию и свёртку, выбирает операцию для каждого из 28 рёбер. Другое S даёт другую сеть с теми же весами, без дообучения.
#
# Это подтвердилось для опубликованного метода и нашего варианта. Одно обучение даёт около дюжины сетей с точностью от 87<!--=intro.front.low--> до 92<!--=intro.front.high--> % на Fashion-MNIST, не превзойдённых в семействе сразу по размеру и точности. При числе параметров рёбер не больше, чем в работе, они точнее её моделей на величину от 7<!--=verdict.gain.least--> до 10<!--=verdict.gain.most--> процентных пунктов, но обучены иначе.
#
# В опубликованном методе управление почти не зависит от данных: при κ = 50<!--=intro.kappa--> он выбирает почти те же операции и без изображений. Случайные архитектуры, обученные отдельно, уступают близким по размеру сетям семейства (со свёрткой в редуцирующей ячейке или без неё), тоже обученным отдельно, в среднем лишь 0.2<!--=sharing.lead--> процентного пункта. Таблица работы, без разброса и сравнений, утверждений о качестве не доказывает. Малые сети точнее у нас, но опубликованный метод обучался 5<!--=intro.epochs.theirs--> эпох против наших 12<!--=intro.epochs.ours--> и не настраивался.
#
# </div>
#
# *Where it lives*: `simplexnas.report.pages.intro`, `tests/test_pages_intro.py`; the table is of `data/results/table.json`.
