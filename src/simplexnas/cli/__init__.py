"""The command line. Every command prints what it wrote; messages and progress go to standard error."""

import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from simplexnas.cli import latency, measure, train, use
from simplexnas.cli.common import say
from simplexnas.io.errors import SimplexNASError

INTERRUPTED = 128 + signal.SIGINT  # what Typer makes of Ctrl-C

USE = ("search", "lattice", "front", "select", "export", "train", "sample", "evaluate", "latency")
USE += ("methods", "settings", "data")
MEASURE = ("points", "baselines", "retrain", "rank", "compare", "noise", "gradients")
MEASURE += ("price-alone", "without-images", "table")


class Commands(TyperGroup):
    """The commands in two groups, in the order in which a user needs them."""

    def format_commands(self, ctx, formatter) -> None:
        width = formatter.width - 6 - max(map(len, self.commands))
        for title, names in (("Use", USE), ("Measure for the book", MEASURE)):
            with formatter.section(title):
                formatter.write_dl([(name, self.commands[name].get_short_help_str(width)) for name in names])


app = typer.Typer(
    cls=Commands,
    help="Train a family of networks once, then ask it for an architecture by a vector of penalties S.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for group in (train, measure, use):
    app.add_typer(group.app)
app.add_typer(latency.app, name="latency")


@app.callback()
def _start(
    data_folder: Annotated[
        Path | None,
        typer.Option(
            file_okay=False,
            help="Folder of data sets, families and results. Default: what the variable SIMPLEXNAS_DATA names, else "
            "data/ of the clone, else data/ in the working folder.",
        ),
    ] = None,
) -> None:
    from simplexnas.io.allocator import keep_memory

    if data_folder is not None:
        os.environ["SIMPLEXNAS_DATA"] = str(data_folder)  # io.paths, which commands import, reads it
    keep_memory()


def _stop(number: int, frame) -> None:
    """End as at an error, so that what is half-written is removed; another signal does not disturb that."""
    signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + number)


def main() -> None:
    """Entry point: bad input ends with one line and exit code 2."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        code = app(standalone_mode=False)
        if code == INTERRUPTED:
            say("simplexnas: stopped")
        sys.exit(code)
    except SimplexNASError as error:
        say(f"simplexnas: {error}")
    except typer.TyperException as error:  # of the command line itself; without arguments its message is the help
        message = error.format_message()
        say(message if message.startswith("Usage:") else f"simplexnas: {message}")
    sys.exit(2)
