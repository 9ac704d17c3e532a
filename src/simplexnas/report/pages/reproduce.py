"""The page `reproduce`: which command makes what, how long it takes, and where the time of a step goes."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from simplexnas.io import paths, records
from simplexnas.io.files import read_json
from simplexnas.report import analysis, drawing, names, published
from simplexnas.report.paper import PAPER

THROUGHPUT, COMMANDS = "throughput.json", "command_times.json"
ONE = published.DEFAULT[0]
DEFAULT, PUBLISHED, QUICK = (
    family.rstrip("0123456789") + "*"  # with any seed
    for family, *_ in (published.DEFAULT, published.PAPER, published.QUICK)
)
OF_A_FAMILY = f"families/{DEFAULT}/family.json"
TIMES = {  # what is done, and the files under data/ that say how long it took
    "training of a family, 12 epochs": OF_A_FAMILY,
    "training of the published method": f"families/{PUBLISHED}/family.json",
    "lattice: 231 S, {networks} different networks": f"results/{DEFAULT}/{records.LATTICE}",
    "the paper's S in several ways, and the control": f"results/{DEFAULT}/{records.PAPER_POINTS}",
    "control, random hypernetwork and architectures": f"results/{DEFAULT}/{records.BASELINES}",
    "30 networks trained alone": f"results/{ONE}/{records.RETRAINED}",
    "latency table in PyTorch: 52 parts and 12 networks": "latency/*-thread/table.json",
    "latency table in ONNX Runtime: 60 networks": "latency/*-onnxruntime/table.json",
}
ROWS = "BAC"  # of slide 6, by size
ARMS = {"paper": "published", "paper, channels last": "published, channels last", "default": "ours"}
OPERATORS = {
    "convolutions, backward": ("aten::convolution_backward",),
    "convolutions, forward": ("aten::mkldnn_convolution",),
    "average pooling, both ways": ("aten::avg_pool2d_backward", "aten::avg_pool2d"),
    "batch normalisation, both ways": ("aten::native_batch_norm", "aten::native_batch_norm_backward"),
}
SOURCES = {  # files, and what writes them, beside the families
    "data/results/<family>/lattice.json": "simplexnas lattice --family <family>",
    "data/results/<family>/paper_points.json": "simplexnas points --family <family>",
    "data/results/<family>/baselines.json": "simplexnas baselines --family <family>",
    "data/results/<family>/retrained.json": "simplexnas retrain --family <family>",
    "data/results/<family>/ranked.json": "simplexnas rank --family <family>",
    "data/results/<family>/gradients.json": "simplexnas gradients --family <family>",
    "data/results/<family>/price_alone.json": "simplexnas price-alone --family <family>",
    "data/results/without_images.json": "simplexnas without-images",
    "data/results/table.json": f"simplexnas table {' '.join(published.DEFAULT)}",
    "data/latency/<machine>/table.json": "simplexnas latency measure --runtime torch",
    "data/latency/<machine>-onnxruntime/table.json": "simplexnas latency measure",
    "data/latency/<table>/validation.json": "simplexnas latency validate --table <table>",
    "data/models/within-4-ms/": "simplexnas export",
    "data/results/budgets.json": f"python benchmarks/budgets.py {ONE} torch",
    "data/results/budgets_onnxruntime.json": "python benchmarks/budgets.py",
    "data/results/fronts_measured.json": "python benchmarks/fronts.py",
    "data/results/image_folder.json": "python benchmarks/image_folder.py",
    "data/results/throughput.json": "python benchmarks/search_throughput.py",
    "data/results/command_times.json": "python benchmarks/command_times.py",
}


def seconds(pattern: str) -> list[float]:
    """Of the work that each of the files under data/ is of, in order of length."""
    found = paths.DATA.glob(pattern)
    return sorted(read_json(path)["training_seconds" if path.name == "family.json" else "seconds"] for path in found)


def spread(values: Iterable[float], unit: float = 1) -> str:
    """The least and the most, in whole units; one number where they are the same."""
    ends = (min(values := list(values)), max(values))
    return " to ".join(dict.fromkeys(f"{value / unit:,.0f}" for value in ends))


def times() -> pd.DataFrame:
    """Seconds of each kind of work, and the files that say so."""
    networks = spread(len({point.choice for point in records.read_lattice(name).points}) for name in published.DEFAULT)
    return pd.DataFrame(
        {
            "what": what.format(networks=networks),
            "seconds": spread(seconds(pattern)),
            "from, under data/": f"`{pattern}`",
        }
        for what, pattern in TIMES.items()
    )


def everything() -> float:
    """Hours that `make results` takes from the raw data alone: trainings and measurements of all families, added up."""
    measured = [read_json(path) for path in paths.RESULTS.glob("*/*.json")]
    trained = [content["training_seconds"] for content in map(read_json, paths.RESULTS.glob("*/" + records.LATTICE))]
    alone = read_json(paths.RESULTS / "without_images.json")["seconds"]
    return (sum(content["seconds"] for content in measured) + sum(trained) + alone) / 3600


def chain() -> str:
    """From the raw data to the pages: a box for each folder, an arrow for each command, dashed where a clone has it."""
    per_family = (f"results/{DEFAULT}/{name}" for name in (records.LATTICE, records.PAPER_POINTS, records.BASELINES))
    measuring = [value for pattern in per_family for value in seconds(pattern)]
    building = records.read(paths.RESULTS / COMMANDS)["seconds"]["make book"]
    boxes = (
        ("data/FashionMNIST", "the raw data"),
        ("data/families", "trained networks"),
        ("data/results", "what was measured of them"),
        ("book/_build/html", "the pages"),
    )
    arrows = (
        ("simplexnas search", f"{spread(seconds(OF_A_FAMILY), 60)} min for a family"),
        ("lattice, points, baselines", f"{spread(measuring, 60)} min each"),
        ("make book", f"{building / 60:.0f} min, with the environment"),
    )
    parts, width, height, gap = [], 230, 46, 50
    for number, lines in enumerate(boxes):
        parts.append(drawing.box(1, 1 + number * (height + gap), width, height, *lines))
    for number, (command, time) in enumerate(arrows):
        top = 1 + number * (height + gap) + height
        parts.append(drawing.arrow((60, top), (60, top + gap), dashed=number < 2))
        parts.append(drawing.text(76, top + 22, command, anchor="start", weight="bold"))
        parts.append(drawing.text(76, top + 39, time, anchor="start"))
    whole = f'<svg viewBox="0 0 300 {4 * height + 3 * gap + 2}">{"".join(parts)}</svg>'
    return drawing.picture("From the raw data to the pages", whole)


def sources() -> pd.DataFrame:
    """Each file that the book shows something of, and the command that makes it."""
    families = {f"data/families/{name}/": search(name) for name in published.WHOLE}
    lines = [{"file": f"`{file}`", "command": f"`{command}`"} for file, command in (families | SOURCES).items()]
    return pd.DataFrame(lines)


def search(name: str) -> str:
    """The command that trains a family of this name; what is so by default is left out."""
    preset, changes, seed = names.read_name(name)
    options = [] if preset == "default" else [f"--preset {preset}"]
    options += [f"--seed {seed}"] if seed else []
    options += [f"--set {change}" for change in changes]
    options += ["--table <table>"] if "price=latency" in changes else []
    return " ".join(["simplexnas search", *options])


def to_table() -> pd.DataFrame:
    """Test accuracy within the sizes of slide 6 after short trainings, chosen on validation images; first the paper's.

    Seconds: of the training, and of measuring 66 S.
    """
    theirs = {f"{row}, %": f"{100 * PAPER[row][1]:.1f}" for row in ROWS}
    lines = [{"training": "the paper's", "training, s": "–", "measuring, s": "–"} | theirs]
    for name in published.QUICK:
        record = records.read_lattice(name)
        said = [f"{record.config['epochs']:g} epochs", f"seed {record.seed}"]
        spent = {"training, s": f"{record.training_seconds:.0f}", "measuring, s": f"{record.seconds:.0f}"}
        ours = {f"{row}, %": f"{100 * analysis.accuracy_within(record.points, PAPER[row][2]):.1f}" for row in ROWS}
        lines.append({"training": ", ".join(said)} | spent | ours)
    return pd.DataFrame(lines)


def profile() -> pd.DataFrame:
    """Milliseconds of a training step by operator, for the published method and for ours, and what the step takes
    where nobody looks."""
    found = records.read(paths.RESULTS / THROUGHPUT)
    known = {operator for operators in OPERATORS.values() for operator in operators}
    columns = {}
    for arm, words in ARMS.items():
        own, rate = found["profile_ms_per_step"][arm], found["images_per_second"][arm]
        lines = {line: sum(own.get(operator, 0) for operator in operators) for line, operators in OPERATORS.items()}
        lines["everything else"] = sum(ms for operator, ms in own.items() if operator not in known)
        lines["sum"] = sum(own.values())
        lines["a step without the profiler"] = 1000 * found["batch_size"][arm] / rate
        columns[words] = {line: f"{ms:,.0f}" if ms else "–" for line, ms in lines.items()}
        columns[words]["images a second"] = f"{rate:.0f}"
    return pd.DataFrame(columns).rename_axis("operator, ms").reset_index()


def versions() -> dict[str, str]:
    """Of Python and the libraries that the published families were trained with."""
    found = [read_json(paths.FAMILIES / name / "family.json")["versions"] for name in published.WHOLE]
    return {name: " and ".join(sorted({each[name].partition("+")[0] for each in found})) for name in found[0]}


def numbers() -> dict[str, str]:
    """The numbers in the prose of the page, by name."""
    rates = records.read(paths.RESULTS / THROUGHPUT)["images_per_second"]
    spent = records.read(paths.RESULTS / COMMANDS)["seconds"]
    family = [value / 60 for value in seconds(OF_A_FAMILY)]
    quick = [records.read_lattice(name) for name in published.QUICK]
    past = [record.training_seconds / 60 for record in quick]
    known = {
        "reproduce.book": f"{spent['make book'] / 60:.0f}",
        "reproduce.test": f"{spent['make test'] / 60:.0f}",
        "reproduce.build": f"{spent['jupyter-book build book']:.0f}",
        "reproduce.papermill": f"{spent['papermill']:.0f}",
        "reproduce.family.least": f"{min(family):.0f}",
        "reproduce.family.most": f"{max(family):.0f}",
        "reproduce.everything": f"{everything():.0f}",
        "reproduce.quick": f"{np.ceil(max(past)):.0f}",
        "reproduce.faster.last": f"{rates['default'] / rates['paper, channels last']:.1f}",
        "reproduce.faster.plain": f"{rates['default'] / rates['paper']:.1f}",
    }
    return known | {f"reproduce.{name}": version for name, version in versions().items() if name != "simplexnas"}
