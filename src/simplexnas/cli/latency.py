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
    runtime: Annotated[
        str, typer.Option(help="onnxruntime: exported models, from pixels to logits; or torch: part by part.")
    ] = "onnxruntime",
    threads: Annotated[int, typer.Option(min=1, help="Threads of one network.")] = 1,
    device: Annotated[str, typer.Option(help="cpu, or with torch cuda.")] = "cpu",
    name: Annotated[
        str | None, typer.Option(help="Name of the table; by default made of processor, device, threads, runtime.")
    ] = None,
    family: FamilyOption = "default-seed0",
) -> None:
    """Times of all parts of the networks of a family's search space, to data/latency/<name>/table.json.

    In ONNX Runtime they are fitted to the times of whole networks, in about 3 minutes; in PyTorch each is timed, in
    about 1 minute.
    """
    from simplexnas import latency
    from simplexnas.family import describe
    from simplexnas.io.paths import relative

    space = describe(family).space
    path = latency.measure(space, batches, runtime=runtime, name=name, device=device, threads=threads)
    typer.echo(relative(path))
    table = latency.LatencyTable.load(path.parent.name)
    for batch in table.batches:
        slope, intercept = table.line(batch)
        typer.echo(f"\nbatch {batch}: a network takes {slope:.3f} times its parts and {intercept:.3f} ms; parts, ms:")
        for part in latency.all_parts(table.space):
            typer.echo(f"{part!s:<36}{table.ms(part, batch):>10.4f}")


@app.command()
def validate(table: TableOption = None) -> None:
    """Predicted against measured time of 40 random architectures, each measured twice.

    To data/latency/<name>/validation.json; prints how well they agree.
    """
    from simplexnas import latency
    from simplexnas.io.paths import relative

    loaded = latency.LatencyTable.load(table, here=True)
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
