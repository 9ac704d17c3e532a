"""The command line. Every command prints what it wrote; messages and progress go to standard error."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from simplexnas.errors import SimplexNASError

app = typer.Typer(
    help="Train a family of networks once, then ask it for an architecture by a vector of penalties S.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
)

latency_app = typer.Typer(help="Measured latency of this machine.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(latency_app, name="latency")

FamilyOption = Annotated[str, typer.Option(help="Name under data/families, or a folder.")]
PenaltyOption = Annotated[
    str, typer.Option("--S", help="Penalties on the operations, sum 1, for example 0.15,0.15,0.7.")
]
TableOption = Annotated[
    str | None, typer.Option("--table", help="Latency table: a name under data/latency; by default this machine's.")
]
BatchOption = Annotated[int, typer.Option(min=1, help="Images at a time, one of the latency table's.")]
OutputOption = Annotated[Path | None, typer.Option(dir_okay=False, help="Save the architecture as JSON in this file.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]


def say(message: str) -> None:
    typer.echo(message, err=True)


@app.callback()
def _start() -> None:
    from simplexnas.allocator import keep_memory

    keep_memory()


@app.command()
def data(
    download: Annotated[bool, typer.Option(help="Fetch missing or damaged files through torchvision.")] = False,
) -> None:
    """Check the four files of Fashion-MNIST."""
    from simplexnas import data
    from simplexnas.paths import DATA, relative

    splits = data.load(download=download)
    typer.echo(
        f"{relative(DATA / 'FashionMNIST')}: {len(splits.train):,} images for weights, "
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
    from simplexnas import config, data, search
    from simplexnas.family import DESCRIPTION, Family
    from simplexnas.files import check_writable
    from simplexnas.latency import LatencyTable
    from simplexnas.paths import FAMILIES, RUNS, relative

    changed = config.parse_changes(changes)
    name = config.family_name(preset, seed, changed)
    if changed.get("price") == "latency":
        without = config.preset(preset, **changed | {"price": "unit"})
        loaded = LatencyTable.load(table, without.space)
        changed |= {"latency_table": loaded.name, "milliseconds": loaded.edge_ms(without.latency_batch).tolist()}
    elif table is not None:
        raise SimplexNASError(f"--table {table}: only with --set price=latency")
    settings = config.preset(preset, seed=seed, **changed)
    run = RUNS / name
    check_writable(FAMILIES / name)  # known before the training
    if (FAMILIES / name / DESCRIPTION).exists() and not (run / search.CHECKPOINT).exists():
        raise SimplexNASError(f"{relative(FAMILIES / name)} is trained already; move it away to train it again")
    fabric = search.make_fabric(accelerator, devices, nodes)
    model = search.search(
        settings,
        data.load().train,
        run,
        fabric=fabric,
        resume=resume,
        checkpoint_every=checkpoint_every,
    )
    if fabric.is_global_zero:
        typer.echo(relative(run / search.LOG))
        folder = Family(name, model.cpu(), {}).export(FAMILIES / name, search.training_seconds(run), fabric.device.type)
        typer.echo(relative(folder))
        (run / search.CHECKPOINT).unlink()  # the family holds the weights


def _print_report(report: dict) -> None:
    """A readable table of what --json prints."""
    S = ", ".join(f"{value:.4g}" for value in report["S"])
    typer.echo(f"S                 ({S})")
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


@app.command()
def sample(
    S: PenaltyOption,
    family: FamilyOption = "default-seed0",
    as_json: JsonOption = False,
    output: OutputOption = None,
) -> None:
    """The architecture of S, with its counts."""
    from simplexnas import simplex
    from simplexnas.family import Family

    loaded = Family.load(family)
    penalties = simplex.parse(S, loaded.space.operations).tolist()
    architecture = loaded.architecture(S)
    report = {"S": penalties} | architecture.report()
    if output is not None:
        say(str(architecture.save(output, family=family, sha256=loaded.description["sha256"])))
    if as_json:
        typer.echo(json.dumps(report))
    else:
        _print_report(report)


@app.command()
def evaluate(
    S: PenaltyOption,
    family: FamilyOption = "default-seed0",
    as_json: JsonOption = False,
    ways: Annotated[
        bool,
        typer.Option("--ways", help="Also relaxed (t = 1, last t), and all with BN statistics of training; minutes."),
    ] = False,
) -> None:
    """The architecture of S with inherited weights: accuracy on validation and test, BN statistics re-estimated."""
    from simplexnas import data, evaluate, simplex
    from simplexnas.family import Family

    loaded = Family.load(family)
    penalties = simplex.parse(S, loaded.space.operations).tolist()
    say(f"re-estimating batch-normalisation statistics, then {family} on validation and test")
    splits = data.load()
    report = {"S": penalties} | evaluate.evaluate(loaded, S, splits)
    if ways:
        report["ways"] = evaluate.in_all_ways(loaded, S, splits)
    if as_json:
        typer.echo(json.dumps(report))
    else:
        _print_report(report)
        say(f"{report['seconds']} s")


@app.command()
def lattice(
    family: FamilyOption = "default-seed0",
    step: Annotated[float, typer.Option(help="Spacing of the lattice of S; 1 / step is whole.")] = 0.05,
) -> None:
    """Accuracy of the family over a lattice of S (resumes), to data/results/<family>/lattice.json."""
    from simplexnas import data, experiments
    from simplexnas.family import Family
    from simplexnas.paths import relative

    typer.echo(relative(experiments.lattice(Family.load(family), data.load(), step)))


@app.command()
def points(family: FamilyOption = "default-seed0") -> None:
    """The family at the paper's S, measured in several ways, and the control (resumes).

    To data/results/<family>/paper_points.json.
    """
    from simplexnas import data, experiments
    from simplexnas.family import Family
    from simplexnas.paths import relative

    typer.echo(relative(experiments.paper_points(Family.load(family), data.load())))


@app.command()
def baselines(family: FamilyOption = "default-seed0") -> None:
    """The control, a random hypernetwork and random architectures with the family's weights (resumes).

    To data/results/<family>/baselines.json; prints hypervolumes. Needs the lattice.
    """
    from simplexnas import data, experiments, results
    from simplexnas.family import Family
    from simplexnas.paths import relative

    loaded = Family.load(family)
    typer.echo(relative(experiments.baselines(loaded, data.load())))
    for line in results.hypervolumes([loaded]).to_dict("records"):
        typer.echo(f"{line['of']:<20} hypervolume {line['mean']:.3f}")


@app.command()
def retrain(
    family: FamilyOption = "default-seed0",
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of each network.")] = 6,
) -> None:
    """Train 20 architectures of the family and 10 random ones from scratch (resumes).

    To data/results/<family>/retrained.json, with the inherited accuracy beside the retrained one; prints how well they
    agree. Needs the lattice.
    """
    from simplexnas import data, experiments
    from simplexnas.family import Family

    _print_agreement(experiments.retraining(Family.load(family), data.load(), epochs))


@app.command()
def rank(
    family: FamilyOption = "default-seed0",
    of: Annotated[str, typer.Option(help="Family whose networks were retrained.")] = "default-seed0",
) -> None:
    """Accuracy of another family's retrained networks with this family's weights (resumes).

    To data/results/<family>/ranked.json; prints how well it agrees with the retrained one. Needs the retraining.
    """
    from simplexnas import data, experiments
    from simplexnas.family import Family

    _print_agreement(experiments.ranking(Family.load(family), Family.load(of), data.load()))


def _print_agreement(path: Path) -> None:
    """Path of a file of retrained networks, and how well their inherited accuracy agrees with the retrained one."""
    from simplexnas import analysis, results
    from simplexnas.paths import relative

    typer.echo(relative(path))
    points = results.read(path)["points"]
    sources = ["family", "random"]
    for listed in (sources, *([source] for source in sources)):
        some = [point for point in points if point["source"] in listed]
        pairs = [[point[key]["test"] for point in some] for key in ("accuracy", "retrained")]
        found = analysis.agreement(*pairs)
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
    from simplexnas import results
    from simplexnas.family import Family
    from simplexnas.paths import relative

    typer.echo(relative(results.compute_table([Family.load(name) for name in families])))
    typer.echo("\nFor README.md and book/intro.md:\n\n" + results.markdown(results.table()))


@latency_app.command()
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
    from simplexnas.paths import relative

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


@latency_app.command()
def validate(table: TableOption = None) -> None:
    """Predicted against measured time of 40 random architectures, each measured twice.

    To data/latency/<name>/validation.json; prints how well they agree.
    """
    from simplexnas import latency
    from simplexnas.paths import relative

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

    With --min-accuracy the fastest. Where time matters, networks are timed here before one is promised.
    """
    from simplexnas.architecture import Architecture
    from simplexnas.family import Family
    from simplexnas.files import check_writable

    if output is not None:
        check_writable(output)  # known before networks are timed
    loaded = Family.load(family)
    report = loaded.select(
        max_latency_ms=max_latency_ms,
        max_edge_parameters=max_edge_parameters,
        max_macs=max_macs,
        min_accuracy=min_accuracy,
        batch=batch,
        table=table,
    )
    if output is not None:
        chosen = Architecture(loaded.space, report["choice"])
        say(str(chosen.save(output, family=family, sha256=loaded.description["sha256"])))
    if as_json:
        typer.echo(json.dumps(report))
    else:
        _print_report(report)


@app.command()
def export(
    output: Annotated[Path, typer.Option(help="Folder to make, for model.onnx, model.pt2 and model.json.")],
    S: Annotated[str, typer.Option("--S", help="Penalties on the operations; or give --architecture.")] = "",
    architecture: Annotated[Path | None, typer.Option(help="A file that `select --output` or `sample` wrote.")] = None,
    fold: Annotated[bool, typer.Option("--fold", help="Fold batch normalisation into the convolutions.")] = False,
    family: Annotated[
        str | None,
        typer.Option(
            help="Name under data/families, or a folder. Default: the one in the architecture's file, or default-seed0."
        ),
    ] = None,
) -> None:
    """A member of a family as files that need nothing of this library; checks ONNX Runtime on the whole test set."""
    from simplexnas import data, export
    from simplexnas.architecture import Architecture
    from simplexnas.family import Family
    from simplexnas.files import read_json
    from simplexnas.paths import relative

    if bool(S) == (architecture is not None):
        raise SimplexNASError("give one of --S and --architecture")
    if S:
        loaded = Family.load(family or "default-seed0")
        chosen = loaded.architecture(S)
    else:
        chosen, about = Architecture.load(architecture), read_json(architecture)
        loaded = Family.load(family or about.get("family", "default-seed0"))
        if family is None and about.get("sha256", loaded.description["sha256"]) != loaded.description["sha256"]:
            raise SimplexNASError(
                f"{architecture} was chosen from another training of {loaded.name}; choose again, or give --family"
            )
    folder = export.export(loaded, chosen, data.load(), output, fold)
    for path in sorted(folder.iterdir()):
        typer.echo(relative(path))
    description = json.loads((folder / export.DESCRIPTION).read_text())
    typer.echo(
        f"test accuracy {description['test_accuracy']:.2%}; largest difference of a logit between PyTorch and "
        f"ONNX Runtime {description['largest_logit_difference']:.1e}"
    )
    for batch, times in description["latency"].items():
        listed = ", ".join(f"{name} {time['median_ms']:.3f} ms" for name, time in times.items())
        typer.echo(f"batch {batch}: {listed}")


def main() -> None:
    """Entry point: bad input ends with one line and exit code 2."""
    try:
        sys.exit(app(standalone_mode=False))
    except SimplexNASError as error:
        say(f"simplexnas: {error}")
    except typer.TyperException as error:  # of the command line itself; without arguments its message is the help
        message = error.format_message()
        say(message if message.startswith("Usage:") else f"simplexnas: {message}")
    except typer.Abort:
        say("simplexnas: stopped")
        sys.exit(130)
    sys.exit(2)
