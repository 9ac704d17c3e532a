"""What the commands share: options, messages, the report of an architecture."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

FamilyOption = Annotated[str, typer.Option(help="Name under data/families, or a folder: ./NAME.")]
PenaltyOption = Annotated[
    str | None,
    typer.Option(
        "--S",
        help="Penalties on pooling, identity and convolution, in this order: numbers from 0, sum 1, for example "
        "0.15,0.15,0.7. The higher, the fewer of that operation.",
    ),
]
KnobOption = Annotated[
    str | None,
    typer.Option(
        "--knob",
        help="Instead of --S, with a family of another method: a number from 0 to 1, of what `simplexnas methods` "
        "says.",
    ),
]
TableOption = Annotated[
    str | None, typer.Option("--table", help="Latency table: a name under data/latency; by default this machine's.")
]
BatchOption = Annotated[int, typer.Option(min=1, help="Images at a time, for times; one of the latency table's.")]
OutputOption = Annotated[Path | None, typer.Option(dir_okay=False, help="Save the architecture as JSON in this file.")]
DataOption = Annotated[
    str | None,
    typer.Option("--data", help="Where the family's data are now. Default: where they were when it was trained."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]
EXAMPLES = {"--S": "--S 0.3,0.35,0.35", "--knob": "--knob 0.5"}


def say(message: str) -> None:
    typer.echo(message, err=True)


def say_next(*words: str) -> None:
    """What to type after a success; not to standard output, which scripts read."""
    say(f"next: {shlex.join(['simplexnas', *words])}")


def print_report(report: dict) -> None:
    """A readable table of what --json prints."""
    if "S" in report:
        typer.echo(f"S                 ({', '.join(f'{value:.4g}' for value in report['S'])})")
    if "knob" in report:
        typer.echo(f"knob              {report['knob']:.4g}")
    for operation, count in report["operations"].items():
        typer.echo(f"{operation:<18}{count:>9,} edges")
    for key in ("edge_parameters", "total_parameters", "macs"):
        typer.echo(f"{key.replace('_', ' '):<18}{report[key]:>9,}")
    if time := report.get("latency"):
        title = f"batch of {time['batch']}"
        typer.echo(
            f"{title:<18}{time['median_ms']:>9.3f} ms, IQR {time['iqr_ms']:.3f}, predicted {time['predicted_ms']:.3f}"
        )
    for split, value in report.get("accuracy", {}).items():
        typer.echo(f"{split + ' accuracy':<20}{100 * value:>6.2f} %")
    for way, value in report.get("ways", {}).items():
        typer.echo(f"{way:<42}{100 * value['test']:>6.2f} % test")
    typer.echo("")
    typer.echo("cell       edge    operation")
    for edge in report["edges"]:
        typer.echo(f"{edge['cell_type']:<10} {edge['source']} -> {edge['target']}  {edge['operation']}")


def option_of(family) -> str | None:
    """The option that a family is asked by; None for one that holds a single architecture."""
    from simplexnas.methods.method import KnobOfS, NoKnob

    if isinstance(family.model, NoKnob):
        return None
    return "--S" if isinstance(family.model, KnobOfS) else "--knob"


def asked(family, S: str | None, knob: str | None):
    """The value of the family's knob, from --S or --knob."""
    from simplexnas.io.errors import SimplexNASError

    if S is not None and knob is not None:
        raise SimplexNASError("give one of --S and --knob")
    value, given = (S, "--S") if knob is None else (knob, "--knob")
    own = option_of(family)
    if value is not None and own not in (None, given):
        raise SimplexNASError(f"{family.name} is asked by {own}, not by {given}; for example {EXAMPLES[own]}")
    return family.model.knob(value)


def data_of(family, data: str | None):
    """The splits that a family was trained on."""
    from simplexnas import tasks

    return tasks.load_of(family.task, data)
