"""Commands that answer: `sample`, `select`, `export`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from simplexnas.cli.common import (
    BatchOption,
    DataOption,
    FamilyOption,
    JsonOption,
    OutputOption,
    PenaltyOption,
    TableOption,
    data_of,
    print_report,
    say,
)
from simplexnas.io.errors import SimplexNASError

app = typer.Typer()


@app.command()
def sample(
    S: PenaltyOption,
    family: FamilyOption = "default-seed0",
    as_json: JsonOption = False,
    output: OutputOption = None,
) -> None:
    """The architecture of S, with its counts."""
    from simplexnas.family import Family
    from simplexnas.methods import penalties

    loaded = Family.load(family)
    parsed = penalties.parse(S, loaded.space.operations)
    architecture = loaded.model.architecture(parsed)
    report = {"S": parsed.tolist()} | architecture.report()
    if output is not None:
        say(str(architecture.save(output, family=family, sha256=loaded.sha256)))
    if as_json:
        typer.echo(json.dumps(report))
    else:
        print_report(report)


@app.command()
def select(
    max_latency_ms: Annotated[float | None, typer.Option(help="Time for one batch, milliseconds.")] = None,
    max_edge_parameters: Annotated[float | None, typer.Option(help="Parameters of the chosen operations.")] = None,
    max_macs: Annotated[float | None, typer.Option(help="Multiply-accumulates per image, whole network.")] = None,
    min_accuracy: Annotated[
        float | None, typer.Option(help="On the validation split, 0 to 1; asks for the fastest such network.")
    ] = None,
    batch: BatchOption = 1,
    table: TableOption = None,
    family: FamilyOption = "default-seed0",
    as_json: JsonOption = False,
    output: OutputOption = None,
) -> None:
    """The best member of a family within a budget (any mix of limits): the most accurate one.

    With --min-accuracy the fastest. Where time matters, networks are timed here before one is promised: in ONNX
    Runtime, or in the runtime of --table.
    """
    from simplexnas.family import Family
    from simplexnas.io.files import check_writable
    from simplexnas.network.architecture import Architecture
    from simplexnas.use import selection

    if output is not None:
        check_writable(output)  # known before networks are timed
    loaded = Family.load(family)
    budget = selection.Budget(
        max_latency_ms=max_latency_ms,
        max_edge_parameters=max_edge_parameters,
        max_macs=max_macs,
        min_accuracy=min_accuracy,
    )
    report = selection.select(loaded, budget, batch, table)
    if output is not None:
        chosen = Architecture(loaded.space, report["choice"])
        say(str(chosen.save(output, family=family, sha256=loaded.sha256)))
    if as_json:
        typer.echo(json.dumps(report))
    else:
        print_report(report)


@app.command()
def export(
    output: Annotated[Path, typer.Option(help="Folder to make, for model.onnx, model.pt2 and model.json.")],
    S: Annotated[str, typer.Option("--S", help="Penalties on the operations; or give --architecture.")] = "",
    architecture: Annotated[Path | None, typer.Option(help="A file that `select --output` or `sample` wrote.")] = None,
    fold: Annotated[bool, typer.Option("--fold", help="Fold batch normalisation into the convolutions.")] = False,
    family: Annotated[
        str | None,
        typer.Option(
            help="Name under data/families, or a folder: ./NAME. By default that of --architecture, or default-seed0."
        ),
    ] = None,
    timing: Annotated[bool, typer.Option("--timing/--no-timing", help="Time the model, for model.json.")] = True,
    data: DataOption = None,
) -> None:
    """A member of a family as files that need nothing of this library; checks ONNX Runtime on the whole test set."""
    from simplexnas.family import Family
    from simplexnas.io.files import read_json
    from simplexnas.io.paths import relative
    from simplexnas.network.architecture import Architecture
    from simplexnas.use import export

    if bool(S) == (architecture is not None):
        raise SimplexNASError("give one of --S and --architecture")
    if S:
        loaded = Family.load(family or "default-seed0")
        chosen = loaded.architecture(S)
    else:
        chosen, about = Architecture.load(architecture), read_json(architecture)
        loaded = Family.load(family or about.get("family", "default-seed0"))
        if family is None and about.get("sha256", loaded.sha256) != loaded.sha256:
            raise SimplexNASError(
                f"{architecture} was chosen from another training of {loaded.name}; choose again, or give --family"
            )
    folder = export.export(loaded, chosen, data_of(loaded, data), output, fold, timing)
    for path in sorted(folder.iterdir()):
        typer.echo(relative(path))
    description = json.loads((folder / export.DESCRIPTION).read_text())
    typer.echo(
        f"test accuracy {description['test_accuracy']:.2%}; largest difference of a logit between PyTorch and "
        f"ONNX Runtime {description['largest_logit_difference']:.1e}"
    )
    if timing and description["latency"] is None:
        say("the machine is too busy to measure: the model has no times")
    for batch, times in (description["latency"] or {}).items():
        listed = ", ".join(f"{name} {time['median_ms']:.3f} ms" for name, time in times.items())
        typer.echo(f"batch {batch}: {listed}")
