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
    KnobOption,
    OutputOption,
    PenaltyOption,
    TableOption,
    asked,
    data_of,
    option_of,
    print_report,
    say,
    say_next,
)
from simplexnas.io.errors import SimplexNASError

app = typer.Typer()


@app.command()
def sample(
    S: PenaltyOption = None,
    knob: KnobOption = None,
    family: FamilyOption = "default-seed0",
    as_json: JsonOption = False,
    output: OutputOption = None,
) -> None:
    """The architecture of S, or of another method's knob, with its counts."""
    from simplexnas.family import Family
    from simplexnas.io.records import named

    loaded = Family.load(family)
    value = asked(loaded, S, knob)
    architecture = loaded.model.architecture(value)
    report = loaded.model.said(value) | architecture.report()
    if output is not None:
        say(str(architecture.save(output, family=named(loaded), sha256=loaded.sha256)))
    if as_json:
        typer.echo(json.dumps(report))
    else:
        print_report(report)


@app.command()
def front(
    batch: BatchOption = 1,
    table: TableOption = None,
    family: FamilyOption = "default-seed0",
    as_json: JsonOption = False,
) -> None:
    """The members worth having: no other one is both smaller and better on validation images. Needs the lattice.

    Times are predicted for one batch by the latency table of this machine in ONNX Runtime, if there is one, or by
    --table. Edge parameters are those of the chosen operations; M MACs are millions, per image.
    """
    from simplexnas.family import describe
    from simplexnas.io.records import named
    from simplexnas.latency.table import LatencyTable
    from simplexnas.use.menu import menu

    described = describe(family)
    loaded = hint = None
    try:
        loaded = LatencyTable.load(table, described.space, family=named(described))
    except SimplexNASError as error:
        if table is not None:
            raise
        hint = f"ms is left out: {error}"
    members = menu(described, loaded, batch)
    if hint is not None:
        say(hint)
    if as_json:
        typer.echo(json.dumps({"family": family, "members": members}))
        return
    knob = "S" if "S" in members[0] else "knob"
    if loaded is not None:
        typer.echo(f"ms: predicted for a batch of {batch} in {loaded.runtime}, by the latency table {loaded.name}")
    columns = ["edge parameters", "total parameters", "M MACs", "ms", "validation, %", "test, %", knob]
    typer.echo("  ".join(columns))
    for member in members:
        ms = f"{member['predicted_ms']:.2f}" if loaded is not None else "-"
        accuracies = [f"{100 * member['accuracy'][split]:.2f}" for split in ("validation", "test")]
        sizes = [f"{member['edge_parameters']:,}", f"{member['total_parameters']:,}", f"{member['macs'] / 1e6:.2f}"]
        cells = [cell.rjust(len(column)) for cell, column in zip([*sizes, ms, *accuracies], columns, strict=False)]
        values = member.get(knob, [])
        asked_for = ",".join(f"{value:g}" for value in (values if isinstance(values, list) else [values]))
        typer.echo("  ".join([*cells, asked_for]).rstrip())


@app.command()
def select(
    max_latency_ms: Annotated[float | None, typer.Option(help="Time for one batch, milliseconds.")] = None,
    max_edge_parameters: Annotated[
        float | None,
        typer.Option(
            help="Parameters of the chosen operations. The network has a fixed number more: `front` shows both, edge "
            "and total parameters."
        ),
    ] = None,
    max_macs: Annotated[
        float | None,
        typer.Option(
            help="Multiply-accumulates per image, of the whole network: 9e6 are the 9 M MACs that `front` shows."
        ),
    ] = None,
    min_accuracy: Annotated[
        float | None,
        typer.Option(
            help="On the validation split, 0 to 1; asks for the fastest such network, and so needs `latency measure`."
        ),
    ] = None,
    batch: BatchOption = 1,
    table: TableOption = None,
    family: FamilyOption = "default-seed0",
    as_json: JsonOption = False,
    output: OutputOption = None,
) -> None:
    """The best member of a family within a budget (any mix of limits): the most accurate one.

    With --min-accuracy the fastest. Needs `lattice`; with --max-latency-ms or --min-accuracy also `latency measure`.
    Where time matters, networks are timed here before one is promised: in ONNX Runtime, or in the runtime of --table.
    """
    from simplexnas.family import Family
    from simplexnas.io.files import check_writable
    from simplexnas.io.records import named
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
        say(str(chosen.save(output, family=named(loaded), sha256=loaded.sha256)))
    if as_json:
        typer.echo(json.dumps(report))
    else:
        print_report(report)
    if output is not None:
        say_next("export", "--architecture", str(output), "--output", "model")


@app.command()
def export(
    output: Annotated[Path, typer.Option(help="Folder to make, for model.onnx, model.pt2 and model.json.")],
    S: Annotated[
        str | None,
        typer.Option(
            "--S",
            help="Penalties on pooling,identity,convolution, sum 1, e.g. 0.3,0.35,0.35; or give --knob, --architecture "
            "or --network.",
        ),
    ] = None,
    knob: KnobOption = None,
    architecture: Annotated[
        Path | None, typer.Option(help="A file that `sample --output` or `select --output` wrote.")
    ] = None,
    network: Annotated[Path | None, typer.Option(help="A folder that `train` wrote: its own weights.")] = None,
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
    """A network as files that need nothing of this library; checks ONNX Runtime on the whole test set."""
    from simplexnas.family import Family
    from simplexnas.io.files import read_json
    from simplexnas.io.paths import relative
    from simplexnas.network.architecture import Architecture
    from simplexnas.network.trained import TrainedNetwork
    from simplexnas.use import export

    if sum(each is not None for each in (S, knob, architecture, network)) > 1:
        raise SimplexNASError("give one of --S, --knob, --architecture and --network")
    if network is not None:
        if family is not None:
            raise SimplexNASError(f"--family {family}: --network has weights of its own")
        trained = TrainedNetwork.load(network)
        folder = export.export_trained(trained, data_of(trained, data), output, fold, timing, progress_bar=True)
    else:
        if architecture is None:
            loaded = Family.load(family or "default-seed0")
            if option_of(loaded) is not None and S is None and knob is None:
                raise SimplexNASError(f"give one of {option_of(loaded)}, --architecture, --network")
            chosen = loaded.model.architecture(asked(loaded, S, knob))
        else:
            chosen, about = Architecture.load(architecture), read_json(architecture)
            loaded = Family.load(family or about.get("family", "default-seed0"))
            if family is None and about.get("sha256", loaded.sha256) != loaded.sha256:
                raise SimplexNASError(
                    f"{architecture} was chosen from another training of {loaded.name}; choose again, or give --family"
                )
        folder = export.export(loaded, chosen, data_of(loaded, data), output, fold, timing, progress_bar=True)
    for path in sorted(folder.iterdir()):
        typer.echo(relative(path))
    description = json.loads((folder / export.DESCRIPTION).read_text())
    changed = description["changed_predictions"]
    typer.echo(
        f"test accuracy {description['test_accuracy']:.2%}; largest difference of a logit between PyTorch and "
        f"ONNX Runtime {description['largest_logit_difference']:.1e}"
        + (f"; {changed} other predictions, between classes with nearly equal logits" if changed else "")
    )
    if timing and description["latency"] is None:
        say(
            f'too busy to time: the model is complete, but "latency" in {export.DESCRIPTION} is null; export again on '
            "an idle machine, or say --no-timing"
        )
    for batch, times in (description["latency"] or {}).items():
        listed = ", ".join(f"{name} {time['median_ms']:.3f} ms" for name, time in times.items())
        typer.echo(f"batch {batch}: {listed}")
