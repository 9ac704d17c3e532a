"""Commands that measure a family: `evaluate`, `lattice`, `points`, `baselines`, `retrain`, `rank`, `gradients`;
compare it with others: `compare`, `noise`;
what the price alone does: `price-alone`, `without-images`; and `table`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from simplexnas.cli.common import (
    DataOption,
    FamilyOption,
    JsonOption,
    KnobOption,
    PenaltyOption,
    asked,
    data_of,
    print_report,
    say,
    say_next,
)

app = typer.Typer()


@app.command()
def evaluate(
    S: PenaltyOption = None,
    knob: KnobOption = None,
    family: FamilyOption = "default-seed0",
    as_json: JsonOption = False,
    ways: Annotated[
        bool,
        typer.Option(
            "--ways",
            help="Also with BN statistics of training; the published method also relaxed, which takes minutes.",
        ),
    ] = False,
    data: DataOption = None,
) -> None:
    """The architecture of S, or of another method's knob, with inherited weights: accuracy on validation and test.

    Statistics of batch normalisation are re-estimated.
    """
    from simplexnas.family import Family
    from simplexnas.measure import evaluation

    loaded = Family.load(family)
    value = asked(loaded, S, knob)
    if ways:
        loaded.check_S()
    say(f"re-estimating batch-normalisation statistics, then {family} on validation and test")
    splits = data_of(loaded, data)
    architecture = loaded.model.architecture(value)
    report = loaded.model.said(value) | evaluation.evaluate(loaded, architecture, splits)
    if ways:
        ways_of = evaluation.in_all_ways(loaded, loaded.model.logits(value), splits)
        report["ways"] = {way: accuracy.to_dict() for way, accuracy in ways_of.items()}
    if as_json:
        typer.echo(json.dumps(report))
    else:
        print_report(report)
        say(f"{report['seconds']} s")


@app.command()
def lattice(
    family: FamilyOption = "default-seed0",
    step: Annotated[
        float,
        typer.Option(
            help="From one value of the knob to the next; 1 / step is whole. With three operations 0.05 makes 231 S, "
            "0.1 66, 0.25 15."
        ),
    ] = 0.05,
    data: DataOption = None,
) -> None:
    """Accuracy of the family over a lattice of S, or along its knob (resumes).

    To data/results/<family>/lattice.json. On Fashion-MNIST about ten minutes; half of the S, half of the time.
    """
    from simplexnas.family import Family
    from simplexnas.io.paths import relative
    from simplexnas.io.records import named
    from simplexnas.measure import lattice

    loaded = Family.load(family)
    typer.echo(relative(lattice.lattice(loaded, data_of(loaded, data), step)))
    say_next("front", "--family", named(loaded))


@app.command()
def points(family: FamilyOption = "default-seed0", data: DataOption = None) -> None:
    """The family at the paper's S, measured in several ways, and the control (resumes).

    To data/results/<family>/paper_points.json. On Fashion-MNIST some minutes.
    """
    from simplexnas.family import Family
    from simplexnas.io.paths import relative
    from simplexnas.measure import points
    from simplexnas.report.paper import PAPER

    loaded, named = Family.load(family), {name: S for name, (S, *_) in PAPER.items()}
    typer.echo(relative(points.named_points(loaded, data_of(loaded, data), named)))


@app.command()
def baselines(family: FamilyOption = "default-seed0", data: DataOption = None) -> None:
    """The control, a random hypernetwork and random architectures with the family's weights (resumes).

    To data/results/<family>/baselines.json; prints hypervolumes. Needs the lattice. On Fashion-MNIST about ten minutes.
    """
    from simplexnas.family import Family
    from simplexnas.io.paths import relative
    from simplexnas.measure import baselines
    from simplexnas.report import tables

    loaded = Family.load(family)
    typer.echo(relative(baselines.baselines(loaded, data_of(loaded, data))))
    for line in tables.hypervolumes([loaded]).to_dict("records"):
        typer.echo(f"{line['of']:<20} hypervolume {line['mean']:.3f}")


@app.command()
def retrain(
    family: FamilyOption = "default-seed0",
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of each network.")] = 3,
    data: DataOption = None,
) -> None:
    """Train 20 architectures of the family and 10 random ones from scratch (resumes).

    To data/results/<family>/retrained.json, with the inherited accuracy beside the retrained one; prints how well they
    agree. Needs the lattice. On Fashion-MNIST hours; in proportion to --epochs.
    """
    from simplexnas.family import Family
    from simplexnas.measure import retraining

    loaded = Family.load(family)
    _print_agreement(retraining.retraining(loaded, data_of(loaded, data), epochs))


@app.command()
def rank(
    family: FamilyOption = "default-seed0",
    of: Annotated[str, typer.Option(help="Family whose networks were retrained.")] = "default-seed0",
    data: DataOption = None,
) -> None:
    """Accuracy of another family's retrained networks with this family's weights (resumes).

    To data/results/<family>/ranked.json; prints how well it agrees with the retrained one. Needs the retraining.
    """
    from simplexnas.family import Family, describe
    from simplexnas.measure import ranking

    loaded = Family.load(family)
    _print_agreement(ranking.ranking(loaded, describe(of), data_of(loaded, data)))


@app.command()
def compare(
    family: FamilyOption = "default-seed0",
    members: Annotated[int, typer.Option(min=1, help="At most so many of the family's front, spaced by size.")] = 5,
    random: Annotated[int, typer.Option(min=0, help="So many architectures at random, as many of each size.")] = 0,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of each network.")] = 3,
    data: DataOption = None,
) -> None:
    """Train the front of a family from scratch, by the recipe that is common to all methods (resumes).

    That of the preset default, which mirrors half of the images. The front of accuracy on validation against total
    parameters. To data/results/<family>/compared.json, with the inherited accuracy beside the retrained one. Needs the
    lattice. On Fashion-MNIST under an hour; in proportion to members and epochs.
    """
    from simplexnas.io.paths import relative
    from simplexnas.measure import comparison

    loaded, splits, front = _front(family, data)
    typer.echo(relative(comparison.compare(loaded, splits, front, members, random, epochs)))


@app.command()
def noise(
    family: FamilyOption = "default-seed0",
    members: Annotated[int, typer.Option(min=1, help="So many of the family's front, spaced by size.")] = 3,
    seeds: Annotated[int, typer.Option(min=2, help="Trainings of each, with seeds from 0.")] = 5,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of each training.")] = 3,
    data: DataOption = None,
) -> None:
    """Train the same networks alone with several seeds: how much is chance in what `compare` finds (resumes).

    To data/results/<family>/noise.json. Needs the lattice. On Fashion-MNIST about an hour; in proportion to members,
    seeds and epochs.
    """
    from simplexnas.io.paths import relative
    from simplexnas.measure import comparison

    loaded, splits, front = _front(family, data)
    typer.echo(relative(comparison.noise(loaded, splits, front, members, seeds, epochs)))


def _front(family: str, data: str | None):
    """A family, its data, and the members on its front."""
    from simplexnas.family import Family
    from simplexnas.io import records
    from simplexnas.report import analysis

    loaded = Family.load(family)
    front = analysis.front(records.read_own(loaded, records.LATTICE).points)
    return loaded, data_of(loaded, data), front


@app.command()
def gradients(family: FamilyOption = "default-seed0", data: DataOption = None) -> None:
    """Do members pull the weights they share in different directions? Cosines of their gradients.

    To data/results/<family>/gradients.json.
    """
    from simplexnas.family import Family
    from simplexnas.io.paths import relative
    from simplexnas.measure import gradients

    loaded = Family.load(family)
    typer.echo(relative(gradients.gradients(loaded, data_of(loaded, data))))


@app.command()
def price_alone(
    family: Annotated[str, typer.Option(help="Name under data/results; its lattice is needed, not the family.")],
    seeds: Annotated[int, typer.Option(min=1, help="Trainings, with the family's seed and the following.")] = 2,
) -> None:
    """The hypernetwork of the published method trained on the price alone, without images.

    What it chooses on the lattice of a family of preset paper, from the same initial values and from others, to
    data/results/<family>/price_alone.json; prints how many of the family's choices are others.
    """
    from simplexnas.io.paths import relative
    from simplexnas.measure import price_alone

    typer.echo(relative(price_alone.price_alone(family, seeds)))
    for seed, unlike in price_alone.unlike(family).items():
        typer.echo(f"seed {seed}: {unlike:,} choices of the family are others")


@app.command()
def without_images() -> None:
    """The published hypernetwork trained on the price alone, a hundred times, with the author's optimiser.

    To data/results/without_images.json: what each chooses at the paper's S, and its smallest network.
    """
    from simplexnas.io.paths import relative
    from simplexnas.measure import price_alone
    from simplexnas.report import paper

    typer.echo(relative(price_alone.without_images({name: S for name, (S, *_) in paper.PAPER.items()})))


def _print_agreement(path: Path) -> None:
    """Path of a file of retrained networks, and how well their inherited accuracy agrees with the retrained one."""
    from simplexnas.io import records
    from simplexnas.io.paths import relative
    from simplexnas.report import statistics

    typer.echo(relative(path))
    points = records.read_record(path).points
    sources = ["family", "random"]
    for listed in (sources, *([source] for source in sources)):
        some = [point for point in points if point.source in listed]
        found = statistics.agreement([point.accuracy.test for point in some], [point.retrained.test for point in some])
        typer.echo(
            f"{' and '.join(listed)} ({len(some)}): retrained - inherited {found['gap']:+.2f} points, "
            f"Kendall's tau {found['tau']:.2f}"
        )


@app.command()
def table(
    families: Annotated[
        list[str], typer.Argument(help="Families of one preset and several seeds, each with its lattice and points.")
    ],
) -> None:
    """The paper's table beside ours, as means over the families, to data/results/table.json."""
    from simplexnas.family import describe
    from simplexnas.io.paths import relative
    from simplexnas.report import tables

    typer.echo(relative(tables.compute_table([describe(name) for name in families])))
    typer.echo("\nFor README.md and book/intro.py, by `make refresh`:\n\n" + tables.markdown(tables.table()))
