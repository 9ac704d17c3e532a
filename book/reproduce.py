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
# # How do I get the same numbers?
#
# *For whoever wants to check, or to change something · needs Linux, Python 3.11 and make · about 7 minutes*
#
# :::{admonition} In one minute
# :class: minute
# - A clone holds the trained families and all results. `make book` makes the environment, executes every chapter on them and builds the pages ({numref}`fig-chain`): 9<!--=reproduce.book--> minutes on two cores, without a GPU.
# - `make results` trains and measures what is missing. A family takes 17<!--=reproduce.family.least--> to 25<!--=reproduce.family.most--> minutes; to make everything anew took about 6<!--=reproduce.everything--> hours, as the files add up.
# - A run that was stopped goes on, and on the same machine ends with the same weights, bit by bit. Another machine rounds differently: expect differences like those between our seeds.
# :::

# %% tags=["hide-input"] mystnb={"image": {"alt": "Four boxes under one another: raw data, trained networks, what was measured of them, pages. Dashed arrows with the commands search and lattice, points, baselines lead to the second and third box, a solid one with make book to the fourth; each has its time."}, "figure": {"caption": "From the raw data to the pages: each box is a folder, each arrow a command with its time on two cores. Dashed: a clone has the outcome, and make results runs the command where it is missing.", "name": "fig-chain"}}
from IPython.display import HTML, SVG

from simplexnas.report import figures
from simplexnas.report.pages import as_html, reproduce

figures.as_in_the_book()
SVG(reproduce.chain())

# %% [markdown]
# (two-commands)=
# ## What do I type?
#
# :::{table} What `make` does.
# :name: tab-make
#
# | command | what it does | writes |
# |---|---|---|
# | `make book` | makes `.venv`, executes every chapter, builds the book | `book/_build/html` |
# | `make test` | makes `.venv`, lint, tests, notebooks, book; pages in Chromium, if present | – |
# | `make refresh` | executes the chapters and stores their outputs | `book/*.ipynb` |
# | `make results` | trains the published families and measures them, where files are missing | `data/families`, `data/results` |
# :::
#
# Of the commands in {numref}`tab-make` only the last takes long. `make .venv/installed` makes the environment alone. The library alone goes into an environment of your own by `pip install --constraint constraints.txt --editable .`, from the root of the clone, whose `data/` it reads.
#
# In a fresh clone, with packages from a nearby index, `make test` took 19<!--=reproduce.test--> minutes. Without executing anything `jupyter-book build book` takes 13<!--=reproduce.build--> seconds. An S of your own is one command too; papermill takes 24<!--=reproduce.papermill--> seconds:
#
# ```
# papermill book/experiments.ipynb out.ipynb -p S "[0.15,0.15,0.7]"
# simplexnas sample --S 0.15,0.15,0.7
# simplexnas evaluate --S 0.15,0.15,0.7 --json
# ```
#
# S is as many numbers as there are operations, in the order pooling, identity, convolution: finite, at least 0, with sum 1 within 0.01. Anything else is refused in one line.
#
# **What it needs.** Two CPU cores do; we tried only Linux. `--accelerator gpu` trains on a GPU, and `benchmarks/gpu.py` tells whether the family is as good; no number here is from one.
#
# **Disk.** About 6 GB for the environment, most of it PyTorch with CUDA libraries, which nothing here uses. The data of the clone are 48 MB, a run leaves a few MB more. The network is needed for packages alone.
#
# **Versions.** The families were trained with torch 2.14.1<!--=reproduce.torch-->, NumPy 2.4.6<!--=reproduce.numpy--> and Python 3.11.7<!--=reproduce.python-->; `constraints.txt` pins the whole environment.
#
# (train-a-family)=
# (after-a-stop)=
# ## How do I train a family, and what if it stops?
#
# ```
# simplexnas search --preset default --seed 0 --resume
# ```
#
# The run lies in `data/runs/default-seed0`: a log in CSV, and a checkpoint every 200 steps until the family is written to `data/families`. A family that is there, as this one is in a clone, is not trained over, nor measured again: move the files away first, or take another seed.
#
# The presets are `paper` (objective, hypernetwork, sampling and number of steps of the author's code, with our optimiser, classifier and data split), `default` (ours), and `quick` (ours in two epochs, to try things). `--set NAME=VALUE` changes a setting, and the family's name says so.
#
# :::{dropdown} Several processes
# `--devices 2` trains in two processes, `--nodes` on several machines: they share out the paths of each step, so that there must be as many (`--set paths=2`; the presets have one), and results are those of one process up to rounding. On two cores one process with two threads is as fast.
# :::
#
# **One owner.** A training or a measurement belongs to one process. A second one that asks for the same is refused in one line: wait for the first, or stop it. A process that died owns nothing. {numref}`tab-stopped` says how stopped work goes on.
#
# :::{table} What was stopped, by Ctrl-C, a crash or a full disk, and how it goes on.
# :name: tab-stopped
#
# | stopped | go on with |
# |---|---|
# | `search` | the same command with `--resume`; the code has to find the same settings and data |
# | `lattice`, `points`, `baselines`, `retrain`, `rank`, `train` | the same command; measurements with the same versions |
# | `latency measure`, `select`, `export`, pictures half decoded | the same command, from the start; nothing half-made stays |
# | `make results` | `make results`; after a crash, once nothing runs, `snakemake --unlock` first |
# :::
#
# (how-long)=
# ## How long does it take?
#
# Minutes for the pages, an hour for a family, a day and more for all that was measured ({numref}`tab-seconds`).

# %% tags=["hide-input", "full-width"] mystnb={"figure": {"caption": "Seconds on two CPU cores, latency tables on one; other work ran at times, and older families do not record which processor.", "name": "tab-seconds"}}
HTML(as_html(reproduce.times()))

# %% [markdown]
# (time-to-table)=
# ### How soon is it past the paper?
#
# The `quick` preset, two epochs, is past all three rows of slide 6 after at most 4<!--=reproduce.quick--> minutes of training, with all five seeds ({numref}`tab-to-table`), and on validation images too. Measuring 66 points S takes about as long again.
#
# The author's texts say under four hours {cite}`firsovenglish`, or two to four {cite}`firsovtext`, for a search on one RTX 3080; goals and schedules differ.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Short trainings on two cores: test accuracy within the edge parameters of the paper's B, A and C, chosen on validation images among the 66 points S of step 0.1. Other work ran at times.", "name": "tab-to-table"}}
HTML(as_html(reproduce.to_table()))

# %% [markdown]
# (which-command)=
# ## Which command made which file?
#
# {numref}`tab-sources` has them all.

# %% tags=["hide-cell", "full-width"] mystnb={"code_prompt_show": "Every file with results, and its command", "code_prompt_hide": "Hide the table", "figure": {"caption": "Every file with results, and what writes it.", "name": "tab-sources"}}
HTML(as_html(reproduce.sources()))

# %% [markdown]
# `snakemake -c2` runs the commands of families and their results in their order, `snakemake -n` names them; `snakemake -c2 --forceall quick` makes a small variant in minutes, in place of the published `quick-seed0`. Of the families whose names begin with `quick`, and of those with `kappa=`, only the results are kept. {ref}`from-a-limit` has the options of `select` and `export`.
#
# Families and results hold their seed, configuration, versions, seconds and date, newer ones the processor and the commit too. `table.json` names the families it was made of, with their hashes.
#
# **What was chosen on what.** These commands choose on the 5,000 validation images, which are held out of the 60,000 training images; the test images are only reported. The spread of the worths and the price of parameters were set by hand, so that S goes through all sizes, from the counts of operations alone.
# Batch size, optimiser, augmentation, warm-up and share of S on the front come from a few dozen short trainings, on the validation images; most of their results were not kept. The published method was not tuned, which favours ours wherever the two are compared.
#
# (speed)=
# ## How fast is a training step?
#
# Ours handles 2.7<!--=reproduce.faster.last--> times as many images a second as the published method in the same memory format (channels last), and 5.6<!--=reproduce.faster.plain--> times as many as in PyTorch's own format. Each has the batch of its preset, 64 images and 32, at the start of training, where operations are random; measured in turn in one process with two threads.
#
# `default` runs one operation on each edge, and shares what depends on the source node alone. The published method runs every operation on every edge, for a mixture of its own per image. A test compares output and gradients with a plain implementation.

# %% tags=["hide-cell"] mystnb={"code_prompt_show": "Where the time of a step goes", "code_prompt_hide": "Hide the table", "figure": {"caption": "Milliseconds of a step, of 64 images or ours of 32, by PyTorch's profiler, which slows it down; below, the step without it (data/results/throughput.json).", "name": "tab-profile"}}
HTML(as_html(reproduce.profile()))

# %% [markdown]
# In {numref}`tab-profile` compare lines within a column. In channels-last format our average pooling is a depthwise convolution, and counted as such. What is left of ours is mostly convolutions that have to run.
#
# ## What can go wrong
#
# - **Nothing happens.** Results that are there are not made again. After training one family anew, remove its folder under `data/results` and `data/results/table.json`, then run `make results`. Results of another training are refused by their hash.
# - **Another processor.** Sums are rounded in another order, choices near a tie fall otherwise, and accuracies differ. Compare with the spread over seeds, not with the last digit.
# - **Two trainings at once** on two cores slow each other down by more than a factor of two. Run one at a time.
# - **Other versions.** The environment outside `constraints.txt` is untested. A measurement that was begun with other versions does not go on.
#
# ## Where it lives
#
# - Code: `Makefile`, `Snakefile`, `simplexnas.cli`, `simplexnas.notebooks`, `simplexnas.report.published` (names of the families), `simplexnas.report.pages.reproduce` (this page's figure and tables).
# - Tests: `tests/test_training.py` (stop and go on), `tests/test_run.py` (one owner), `tests/test_pipeline.py`, `tests/test_published.py`, `tests/test_pages_reproduce.py`.
# - Data: all of `data/`, listed in `data/README.md`.
