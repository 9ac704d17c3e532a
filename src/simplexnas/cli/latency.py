"""Commands under `simplexnas latency`: `measure`, `validate`."""

from typing import Annotated

import typer

from simplexnas.cli.common import FamilyOption, TableOption

app = typer.Typer(help="Measured latency of this machine.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def measure(
    batches: Annotated[
        list[int], typer.Option("--batch", min=1, help="Images at a time; repeatable. Default: 1 and 64.")
    ] = [1, 64],  # noqa: B006
    threads: Annotated[int, typer.Option(min=1, help="Threads of one network.")] = 1,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    name: Annotated[
        str | None, typer.Option(help="Name of the table; by default made of processor, device, threads.")
    ] = None,
    family: FamilyOption = "default-seed0",
) -> None:
    """Time every part of the networks of a family's search space, to data/latency/<name>/table.json."""
    from simplexnas import latency
    from simplexnas.family import Family
    from simplexnas.io.paths import relative

    path = latency.measure(Family.load(family).space, batches, name=name, device=device, threads=threads)
    typer.echo(relative(path))
    table = latency.LatencyTable.load(path.parent.name)
    for batch in table.batches:
        slope, intercept = table.line(batch)
        typer.echo(
            f"\nbatch {batch}: a network takes {slope:.3f} times its parts and {intercept:.3f} ms; parts, median ms:"
        )
        for part, time in table.of_batch(batch)["parts"].items():
            typer.echo(f"{part:<36}{time['median_ms']:>10.4f}")


@app.command()
def validate(table: TableOption = None) -> None:
    """Predicted against measured time of 40 random architectures, each measured twice.

    To data/latency/<name>/validation.json; prints how well they agree.
    """
    from simplexnas import latency
    from simplexnas.io.paths import relative

    loaded = latency.LatencyTable.load(table)
    typer.echo(relative(latency.validate(loaded)))
    for batch, points in latency.read_validation(loaded).items():
        for title, errors in (
            ("predicted", latency.prediction_errors(points)),
            ("measured again", latency.prediction_errors(points, "again_ms")),
        ):
            typer.echo(
                f"batch {batch:>3}, {title:<15} Spearman {errors['spearman']:.3f}, "
                f"mean error {errors['mape']:.1%}, worst {errors['worst']:.1%}"
            )
