"""Commands that train: `data`, `methods`, `settings`, `search`, `train`."""

from math import ceil
from pathlib import Path
from typing import Annotated

import typer

from simplexnas.cli.common import TableOption, say, say_next
from simplexnas.io.errors import SimplexNASError

ChangesOption = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Another value of a setting, repeatable; `simplexnas settings` lists names, values and meanings.",
    ),
]

app = typer.Typer()
FEW_STEPS = 1000  # a training shorter than that has hardly begun


@app.command()
def data(
    download: Annotated[bool, typer.Option(help="Fetch missing or damaged files through torchvision.")] = False,
) -> None:
    """Check the four files of Fashion-MNIST."""
    from simplexnas.io import paths
    from simplexnas.io.paths import relative
    from simplexnas.tasks import fashion_mnist

    splits = fashion_mnist.load(download=download)
    typer.echo(
        f"{relative(paths.DATA / 'FashionMNIST')}: {len(splits.train):,} images for weights, "
        f"{len(splits.validation):,} for validation, {len(splits.test):,} for the test"
    )


@app.command()
def methods() -> None:
    """The search methods, a line each, with their knob: `search --method NAME` runs one.

    The knob is what a trained family is asked by: S, with --S; a number from 0 to 1, with --knob; or none, where a
    training gives one architecture.
    """
    from simplexnas.methods import settings

    for name, entry in settings.methods().items():
        typer.echo(f"{name:<15}{entry.line}; knob: {entry.knob}")


@app.command("settings")
def list_settings(
    method: Annotated[str, typer.Option(help="One of those that `simplexnas methods` lists.")] = "simplex",
    preset: Annotated[str, typer.Option(help="Whose values are shown.")] = "default",
) -> None:
    """What `search --set` takes, a line each: name, value in the preset, allowed values, and what it is."""
    from simplexnas.methods import settings

    lines = settings.described(preset, method)
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    for *cells, about in lines:
        typer.echo("  ".join([*(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)), about]))


@app.command()
def search(
    method: Annotated[str, typer.Option(help="One of those that `simplexnas methods` lists.")] = "simplex",
    preset: Annotated[
        str,
        typer.Option(
            help="Of method simplex. quick: 2 epochs, minutes on two cores; default: 12, six times as long; paper: "
            "the published method, 5 epochs, about as long as default. Another method has default alone."
        ),
    ] = "default",
    seed: Annotated[int, typer.Option(help="Seed of everything random, from 0.")] = 0,
    data: Annotated[str, typer.Option(help="fashion-mnist, digits, or a folder of pictures.")] = "fashion-mnist",
    image_size: Annotated[
        int | None,
        typer.Option(
            help="Height and width to which a folder's pictures are resized, cropped to a square: a multiple of 4, up "
            "to 96. Default: 28 if all are grey, else 32."
        ),
    ] = None,
    changes: ChangesOption = [],  # noqa: B006
    resume: Annotated[bool, typer.Option(help="Go on from the run's last checkpoint, if any.")] = False,
    budget_minutes: Annotated[
        float | None,
        typer.Option(min=0.01, help="Train for about this long: first times a few steps, then sets the epochs."),
    ] = None,
    checkpoint_every: Annotated[int, typer.Option(min=1, help="Steps between checkpoints.")] = 200,
    table: TableOption = None,
    accelerator: Annotated[str, typer.Option(help="cpu, gpu, or auto.")] = "cpu",
    devices: Annotated[
        int, typer.Option(min=1, help="Processes per machine (cpu) or devices; --set paths=N makes paths to share out.")
    ] = 1,
    nodes: Annotated[int, typer.Option(min=1, help="Machines.")] = 1,
) -> None:
    """Train a family of networks.

    It goes to data/families/<preset>-seed<seed>, by another method to <method>-seed<seed>; with --set epochs=3 to
    <preset>-epochs=3-seed<seed>, beside the preset's own; with other data to <data>-<preset>-seed<seed>.

    A folder of pictures has train/<class>/…, and optionally val/<class>/… and test/<class>/…; what is not there is cut
    from train. Pictures are resized and kept under data/images.

    With --set price=latency an operation's price is its time for a batch of latency_batch images in the latency table,
    by default that of PyTorch on this machine, which `latency measure --runtime torch` makes.
    """
    from simplexnas import tasks
    from simplexnas.io.paths import relative
    from simplexnas.latency.table import LatencyTable
    from simplexnas.latency.timing import TORCH
    from simplexnas.methods import settings
    from simplexnas.training import budget
    from simplexnas.training.batches import check_images
    from simplexnas.training.family import train_family
    from simplexnas.training.loop import make_fabric

    changed = settings.parse_changes(changes, method)
    if budget_minutes is not None:
        if "epochs" in changed:
            raise SimplexNASError("give one of --budget-minutes and --set epochs")
        changed["budget_minutes"] = budget_minutes
    by_time = changed.get("price", getattr(settings.preset(preset, method), "price", None)) == "latency"
    untimed = {"price": "parameters"} if by_time and method == settings.SIMPLEX else {}  # until its times are there
    settings.preset(preset, method, seed=seed, **changed | untimed)  # refused before any data are read
    splits = tasks.load(data, image_size)
    name = settings.family_name(preset, seed, changed, splits.task.name, method)
    changed = {"train_images": len(splits.train), "shape": splits.task.shape} | changed
    if by_time:
        without = settings.preset(preset, method, **changed | untimed)
        changed |= LatencyTable.load(table, without.space, runtime=TORCH).prices(without)
    elif table is not None:
        raise SimplexNASError(f"--table {table}: only with price latency")
    config = settings.preset(preset, method, seed=seed, **changed)
    if config.budget_minutes:
        config = budget.within(config, splits, name, resume)
        say(f"{config.epochs:g} epochs, {config.steps:,} steps, take about {config.budget_minutes:g} minutes here")
    check_images(config, splits.train)
    fabric = make_fabric(accelerator, devices, nodes)
    if fabric.is_global_zero:
        _warn_of_few_steps(config, "--set epochs=")
    folder, log = train_family(name, config, splits, fabric=fabric, resume=resume, checkpoint_every=checkpoint_every)
    if fabric.is_global_zero:
        typer.echo(relative(log))
        typer.echo(relative(folder))
        say_next("lattice", "--family", name, *(("--step", "0.25") if config.budget_minutes else ()))


@app.command("train")
def train_alone(
    architecture: Annotated[Path, typer.Option(help="A file that `select --output` or `sample --output` wrote.")],
    output: Annotated[Path, typer.Option(help="Folder to make; an interrupted training there goes on.")],
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training images.")] = 3,
    seed: Annotated[int, typer.Option(help="Seed of everything random, from 0.")] = 0,
    data: Annotated[
        str | None,
        typer.Option(help="fashion-mnist, digits, or a folder of pictures. Default: the family's."),
    ] = None,
    changes: Annotated[
        list[str],
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Another value of a setting of the recipe, for example flip=false; repeatable.",
        ),
    ] = [],  # noqa: B006
) -> None:
    """Train one architecture alone, from scratch; `export --network` takes the folder.

    By the recipe of `retrain`, that of the family which the file names: it is mostly a point better than with the
    weights of the family. Without a family, by that of the preset `default`.
    """
    from dataclasses import replace

    from simplexnas import tasks
    from simplexnas.family import describe
    from simplexnas.io.files import read_json
    from simplexnas.io.paths import relative
    from simplexnas.measure import alone
    from simplexnas.measure.retraining import recipe
    from simplexnas.methods import settings
    from simplexnas.network.architecture import Architecture
    from simplexnas.training.batches import check_images

    changed = settings.parse_recipe(changes)
    chosen, about = Architecture.load(architecture), read_json(architecture)
    family = None
    if "family" in about:
        try:
            family = describe(about["family"])
        except SimplexNASError as error:
            if data is None:
                raise
            say(f"by the recipe of preset default, not of the architecture's family: {error}")
    if family is not None and data is None:
        splits = tasks.load_of(family.task)
    else:
        source = data or "fashion-mnist"
        splits = tasks.load(source, None if source in tasks.NAMED else chosen.space.shape.size)
    config = settings.preset("default") if family is None else recipe(family)
    own = {"space": chosen.space, "train_images": len(splits.train), "epochs": epochs, "seed": seed}
    own["budget_minutes"] = 0.0  # that of the family's training
    config = replace(config, **own | changed)
    check_images(config, splits.train)
    _warn_of_few_steps(config, "--epochs ")
    trained = alone.train_alone(chosen, config, splits, output)
    for split, value in trained.about["accuracy"].items():
        typer.echo(f"{split} accuracy {value:.2%}")
    typer.echo(relative(output))


def _warn_of_few_steps(config, option: str) -> None:
    """option: what sets the epochs, where no budget of time did."""
    if config.steps < FEW_STEPS:
        enough = FEW_STEPS / config.steps_per_epoch
        if config.budget_minutes:
            option, enough = "--budget-minutes ", config.budget_minutes * enough / config.epochs
        say(f"{config.steps} steps are few: {option}{ceil(enough)} makes {FEW_STEPS:,}")
