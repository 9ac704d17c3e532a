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
# (own-pictures)=
# # Can I use my own pictures?
#
# *For engineers · needs the repository with its environment ({ref}`make <two-commands>`), and {doc}`budget` for what comes after the training · about 7 minutes*
#
# :::{admonition} In one minute
# :class: minute
# - Yes. A folder with one subfolder of pictures for each class is enough: grey or colour, of any size and format that Pillow reads. A validation and a test part are cut from it where you have none.
# - One command trains a family on it. Menu, budgets and export are the same as for Fashion-MNIST; the exported file classifies a photograph with ONNX Runtime, NumPy and Pillow alone. This page does all of that with a small folder, in seconds.
# - Accuracies are measured on Fashion-MNIST alone; in colour only toy pictures were tried, and nothing is pretrained. There may be more pictures than fit into memory: a million small ones in colour need 3.08<!--=own_images.gb--> GB of disk.
# :::

# %% tags=["hide-input", "pictures"] mystnb={"image": {"alt": "Five pictures in two rows: as their files hold them, and below as a network sees them. Of a wide picture the square in its middle is left; a triangle stored on its side stands upright; a transparent ground has become white; a picture of 16 bits is grey as before; one with a palette has become smooth."}, "figure": {"caption": "Five kinds of files, and what a network of colour pictures of 32 × 32 sees of each. Chequered: transparent.", "name": "fig-kinds"}}
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
from IPython.display import HTML

from simplexnas.io import paths
from simplexnas.report import figures
from simplexnas.report.pages import as_html, own_images, training

figures.as_in_the_book()
temporary = tempfile.TemporaryDirectory()
place = Path(temporary.name)
own_images.kinds(place)
plt.show()

# %% [markdown]
# ## What should the folder look like?
#
# ```
# flowers/train/daisy/1.jpg
# flowers/train/rose/a.png
# flowers/val/daisy/…         if you have them
# flowers/test/daisy/…        likewise
# ```
#
# This is the layout of torchvision's `ImageFolder`: the subfolders are the classes. Files may lie deeper, and links are followed.
#
# **Parts.** `val` may be called `valid` or `validation`. Without it 15 % of each class are cut from `train`, without `test` 20 %, at least one picture each and always the same ones.
#
# **Size.** Pictures become squares: 28 pixels wide if all files in `train` are grey, else 32 and in colour. `--image-size` asks for another multiple of 4, up to 96. From each picture the largest centred square is taken, turned as EXIF says, with transparent pixels on white ({numref}`fig-kinds`). The exported file's description repeats the rule in words.
#
# **Left out** are hidden files, and files whose suffix is no picture's; the command counts these.
#
# What does not fit is refused in one line ({numref}`tab-refused`), and nothing is kept of it:

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Folders called pets that are refused, made and tried on this page.", "name": "tab-refused"}}
# Everything that this page makes lies in a folder of its own, not in data/.
paths.IMAGES, paths.FAMILIES, paths.RUNS = (
    place / name for name in ("images", "families", "runs")
)
HTML(as_html(own_images.refusals(place / "refused")))

# %% [markdown]
# ## From a folder to a family
#
# **Within the hour,** on two cores:
#
# ```
# FAMILY=flowers-default-budget_minutes=20-seed0
# simplexnas search --data flowers --budget-minutes 20
# simplexnas lattice --family $FAMILY --step 0.25
# simplexnas front --family $FAMILY
# simplexnas export --family $FAMILY --S S_OF_THE_MENU --output model
# ```
#
# `search` trains a family for about 20 minutes and names it after the folder, `lattice` measures the networks of 15 S, `front` shows the menu, and `S_OF_THE_MENU` stands for one of its lines, such as 0,0.5,0.5.
#
# **With more time,** leave out `--budget-minutes` and `--step`: the family is called `flowers-default-seed0`, and has the epochs of the book and a menu out of 231 S. `select` is as in {ref}`from-a-limit`, with `--family flowers-default-seed0`; then train the chosen network alone as in {ref}`train-alone`.
#
# **Few pictures need more epochs.** `search` says when there are fewer than 1,000 steps, and how many epochs, or minutes, make as many. That is a bare start. For a training as long as that of `default`, set the epochs to 0.66 million / pictures for training; of 5,000 `--set epochs=132`. The family's name has what was set, here `flowers-default-epochs=132-seed0`; `search` prints it.
#
# **The least that runs** is a batch of 32 pictures for training (fewer with `--set batch_size=16`), and 50 steps in all, so that the warm-up has something to learn from: with the preset's 12 epochs it takes five batches. Where `val` and `test` are cut from `train`, it also takes three pictures of each class. How many pictures are enough we did not try.
#
# **Limits in milliseconds** need times of *your* networks, since those of other images take other times: `simplexnas latency measure --family flowers-default-seed0 --name flowers` once, then `--table flowers` with `front` and `select`.
#
# **A quick try without pictures of your own** is `simplexnas search --data digits --set epochs=28 --set flip=false`: scikit-learn's 1,797 handwritten digits of 8 × 8 pixels.
#
# (own-example)=
# ## The same, in seconds
#
# A folder of five shapes, sixty JPEG files each, no `val`, no `test`. {numref}`fig-sheet` is what `search` reads:

# %% tags=["pictures"] mystnb={"image": {"alt": "Eight small pictures in each of five rows: circles in red, crosses in green, rings in blue, squares in yellow and triangles in violet, on dark noise."}, "figure": {"caption": "Training pictures as the network sees them, a row for each class.", "name": "fig-sheet"}}
from simplexnas.tasks import shapes

shapes.make(place / "shapes" / "train", 60)
splits, _ = own_images.read(place / "shapes")
own_images.sheet(splits.train)
plt.show()

# %% [markdown]
# A fingerprint, SHA-256 of all images and labels, ties the family to its pictures: measuring it on others is refused. The folder itself may move, or go.
#
# Now a training in miniature, with small cells and few channels, into a temporary folder:

# %%
import torch

from simplexnas import Family, export, preset, train_family

torch.set_num_threads(1)  # the tensors are small
config = preset(
    "quick",
    **{"shape": splits.task.shape, "nodes": 2, "channels": 4},
    **{"train_images": len(splits.train), "epochs": 12},
)
folder, _ = train_family("shapes", config, splits, progress_bar=False)
family = Family.load(folder)

# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"figure": {"caption": "Members of this family at the paper's S: operations on 10 edges, edge parameters, and accuracy on 60 test pictures.", "name": "tab-shapes"}}
HTML(as_html(training.members(family.model, splits)))

# %% [markdown]
# Colour gives these classes away, so that a few seconds suffice ({numref}`tab-shapes`). Yours will need the presets.
#
# ## Classify a picture
#
# Export the member at B, without measuring times:

# %%
B = family.architecture("0.15,0.15,0.7")
model = export(family, B, splits, place / "model", timing=False)
file = place / "turned.jpg"

# %% [markdown]
# From here on nothing of this library is needed. The file is the second one of {numref}`fig-kinds`, which the family has not seen:

# %%
import json

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

about = json.loads((model / "model.json").read_text())
size, channels = about["image"]["size"], about["image"]["channels"]
mode = "RGB" if channels == 3 else "L"
picture = ImageOps.exif_transpose(Image.open(file)).convert(mode)
picture = ImageOps.fit(picture, (size, size), Image.Resampling.BICUBIC)
pixels = np.asarray(picture).reshape(1, size, size, channels)
session = onnxruntime.InferenceSession(model / "model.onnx")
(logits,) = session.run(None, {"images": pixels.transpose(0, 3, 1, 2)})
answer = about["classes"][logits.argmax()]

# %% tags=["hide-input", "pictures"] mystnb={"image": {"alt": "A violet triangle on dark noise, under the word triangle"}, "figure": {"caption": "The picture, under what the exported file calls it.", "name": "fig-answer"}}
assert answer == "triangle"
own_images.called(picture, answer)
plt.show()

# %% [markdown]
# The answer is right ({numref}`fig-answer`). `simplexnas.tasks.pictures.prepare` makes the same pixels, also of transparent pictures and of those with 16 bits.
#
# **A million pictures?** Pictures are decoded once, into `data/images`, and mapped from there: the system reads what is asked for and forgets it when memory is short.
# We measured 100,000<!--=own_images.pictures--> small PNG files in colour (`data/results/image_folder.json`). Ten times as many, which we did not try, would take about 0.5<!--=own_images.listed--> GB of memory for the files' names, and 4<!--=own_images.minutes--> minutes of one core to decode. Larger pictures decode more slowly.
#
# ## What can go wrong
#
# - **Mirrored pictures.** Training mirrors half of the pictures. Where left is not right, as in digits or letters, say `--set flip=false`.
# - **Details smaller than a pixel.** No network here sees more than 96 × 96 pixels.
# - **The thing is not in the middle.** Of a wide picture the sides are cut off. Crop yours first.
# - **Grey in training, colour in use.** A network of grey pictures makes everything grey. One colour file in `train` makes all of them colour.
# - **The same scene in two parts.** What is cut from `train` is drawn at random. Pictures taken in a row belong into one part: make `val` and `test` yourself.
# - **A menu of one line.** If pictures are easy or the training was short, the smallest network is also the best. Train longer, give `lattice` a smaller `--step`, or take that network.
# - **Few test pictures.** Of 60, one more right answer is 1.7 percentage points.
# - **Unequal classes.** Nothing weights them, and accuracy is the only measure. Where nine of ten pictures are daisies, a network that always says daisy has 90 %.
# - **A changed folder.** One more picture, and it is another data set, decoded anew. A family goes on with the images it was trained on, as long as they are kept. To train on the new pictures under the same name, move `data/families/<name>` and `data/results/<name>` away first.
#
# ## Where it lives
#
# - Code: `simplexnas.tasks` (`folder`: listing and keeping; `pictures`: from a file to pixels; `digits`, `shapes`), `simplexnas.report.pages.own_images` (this page's tables and figures).
# - Tests: `tests/test_folder.py`, `tests/test_pictures.py`, `tests/test_own_images.py` (digits and a folder in colour, by the commands, from `search` to the answer), `tests/test_pages_own_images.py`.
# - Data: your pictures in `data/images`, families in `data/families`, both ignored by git; `data/results/image_folder.json`, which `python benchmarks/image_folder.py` writes.
