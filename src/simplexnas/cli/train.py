"""Commands that train: `data`, `search`."""

from typing import Annotated

import typer

from simplexnas.cli.common import TableOption
from simplexnas.io.errors import SimplexNASError

app = typer.Typer()


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
def search(
    preset: Annotated[str, typer.Option(help="paper, default or quick.")] = "default",
    seed: Annotated[int, typer.Option(help="Seed of everything random, from 0.")] = 0,
    changes: Annotated[
        list[str], typer.Option("--set", metavar="NAME=VALUE", help="Another setting than the preset's; repeatable.")
    ] = [],  # noqa: B006
    resume: Annotated[bool, typer.Option(help="Go on from the run's last checkpoint, if any.")] = False,
    checkpoint_every: Annotated[int, typer.Option(min=1, help="Steps between checkpoints.")] = 200,
    table: TableOption = None,
    accelerator: Annotated[str, typer.Option(help="cpu, gpu, or auto.")] = "cpu",
    devices: Annotated[int, typer.Option(min=1, help="Processes per machine (cpu) or devices.")] = 1,
    nodes: Annotated[int, typer.Option(min=1, help="Machines.")] = 1,
) -> None:
    """Train a family and export it to data/families/<preset>-seed<seed>.

    With --set epochs=3 it goes to data/families/<preset>-epochs=3-seed<seed>, beside the preset's own.
    With --set price=latency an operation's price is its time in the latency table for batches of latency_batch images.
    """
    from simplexnas.family import DESCRIPTION, Family
    from simplexnas.io import paths
    from simplexnas.io.files import check_writable
    from simplexnas.io.paths import relative
    from simplexnas.latency.table import LatencyTable
    from simplexnas.methods import settings
    from simplexnas.tasks import fashion_mnist
    from simplexnas.training import checkpoint, loop

    changed = settings.parse_changes(changes)
    name = settings.family_name(preset, seed, changed)
    if changed.get("price") == "latency":
        without = settings.preset(preset, **changed | {"price": "unit"})
        loaded = LatencyTable.load(table, without.space)
        changed |= {"latency_table": loaded.name, "milliseconds": loaded.edge_ms(without.latency_batch).tolist()}
    elif table is not None:
        raise SimplexNASError(f"--table {table}: only with --set price=latency")
    settings = settings.preset(preset, seed=seed, **changed)
    run = paths.RUNS / name
    check_writable(paths.FAMILIES / name)  # known before the training
    if (paths.FAMILIES / name / DESCRIPTION).exists() and not (run / checkpoint.CHECKPOINT).exists():
        raise SimplexNASError(f"{relative(paths.FAMILIES / name)} is trained already; move it away to train it again")
    fabric = loop.make_fabric(accelerator, devices, nodes)
    model = loop.search(
        settings,
        fashion_mnist.load().train,
        run,
        fabric=fabric,
        resume=resume,
        checkpoint_every=checkpoint_every,
    )
    if fabric.is_global_zero:
        typer.echo(relative(run / checkpoint.LOG))
        folder = Family(name, model.cpu(), {}).export(
            paths.FAMILIES / name, checkpoint.training_seconds(run), fabric.device.type
        )
        typer.echo(relative(folder))
        (run / checkpoint.CHECKPOINT).unlink()  # the family holds the weights
