"""The command line inside this process, on a tiny family."""

import json
import math
import re

import pytest
import tiny
import torch
from typer.main import get_command
from typer.testing import CliRunner

from simplexnas import cli, latency
from simplexnas.cli import train
from simplexnas.family import Family
from simplexnas.io import paths, records
from simplexnas.io.errors import SimplexNASError
from simplexnas.latency import validation
from simplexnas.latency.table import FIT_ARCHITECTURES
from simplexnas.measure import retraining
from simplexnas.methods import penalties, settings
from simplexnas.methods.choose import method_of
from simplexnas.network.architecture import Architecture
from simplexnas.report import analysis, tables
from simplexnas.space import cost
from simplexnas.tasks import fashion_mnist
from simplexnas.tasks.task import Splits
from simplexnas.training import checkpoint
from simplexnas.use import selection


@pytest.fixture
def invoke():
    return lambda *arguments: CliRunner().invoke(cli.app, [str(a) for a in arguments], catch_exceptions=False)


@pytest.fixture
def few_images(few, monkeypatch):
    monkeypatch.setattr(fashion_mnist, "load", lambda **_: few)


@pytest.fixture
def folders(own_results, monkeypatch, tmp_path):
    """Nothing is written to data/."""
    monkeypatch.setattr(paths, "LATENCY", tmp_path / "latency")
    for runtime in latency.RUNTIMES:
        monkeypatch.setitem(FIT_ARCHITECTURES, runtime, 4)
    monkeypatch.setattr(validation, "VALIDATION_ARCHITECTURES", 4)
    return tmp_path


def test_help_lists_all_commands_in_two_groups(invoke):
    use, measure = invoke("--help").stdout.partition("\nUse:")[2].split("\nMeasure for the book:")
    listed = [re.findall(r"^  ([\w-]+) ", part, re.MULTILINE) for part in (use, measure)]
    assert listed == [list(cli.USE), list(cli.MEASURE)]
    assert listed[0][:5] == ["search", "lattice", "front", "select", "export"], "what a user needs first"
    assert sorted(cli.USE + cli.MEASURE) == sorted(get_command(cli.app).commands), "each once"
    assert re.search(r"^  search +Train a family of networks\.$", use, re.MULTILINE), "in whole"


def test_the_help_says_what_a_command_needs_and_takes(invoke):
    for command, words in (
        ("select", "Needs `lattice`; with --max-latency-ms or --min-accuracy also `latency measure`."),
        ("select", "asks for the fastest such network, and so needs `latency measure`"),
        ("export", "Penalties on pooling,identity,convolution, sum 1, e.g. 0.3,0.35,0.35"),
        ("export", "A file that `sample --output` or `select --output` wrote."),
        ("export", "where they were when it was trained"),
    ):
        shown = re.sub(r"\s+", " ", invoke(command, "--help").stdout)
        assert words.replace(" ", "") in shown.replace(" ", "")


def test_settings_have_a_line_each(invoke):
    lines = invoke("settings", "--method", "darts").stdout.splitlines()
    names = [line.split()[0] for line in lines]
    assert names == [each.name for each in settings.settable("darts")] and {"order", "flip", "channels"} <= set(names)
    (flip,) = (line for line in lines if line.startswith("flip "))
    assert re.fullmatch(r"flip +true +true, false +augmentation: .*", flip)
    (epochs,) = (line for line in invoke("settings", "--preset", "quick").stdout.splitlines() if "epochs " in line)
    assert re.match(r"epochs +2 +numbers above 0 ", epochs)
    with pytest.raises(SimplexNASError, match="preset = 'quick'; allowed: default"):
        invoke("settings", "--method", "darts", "--preset", "quick")


def test_methods_say_their_knobs(invoke):
    knobs = {line.split()[0]: line.rpartition("; knob: ")[2] for line in invoke("methods").stdout.splitlines()}
    assert (knobs["simplex"], knobs["darts"]) == ("S", "none")
    assert knobs["random_search"] == "0 to 1, from the smallest networks to the largest"


def test_times_in_the_help_are_those_of_the_published_files(invoke):
    def minutes(file: str, key: str = "seconds") -> float:
        return json.loads((paths.RESULTS / file).read_text())[key] / 60

    def said(command: str) -> str:
        return " ".join(invoke(command, "--help").stdout.split())

    for command, file, words, (least, most) in (
        ("lattice", "lattice", "about ten minutes", (5, 15)),
        ("points", "paper_points", "some minutes", (3, 15)),
        ("baselines", "baselines", "about ten minutes", (5, 15)),
        ("retrain", "retrained", "On Fashion-MNIST hours", (60, 300)),
    ):
        assert words in said(command) and least < minutes(f"default-seed0/{file}.json") < most
    epoch = minutes("default-seed0/retrained.json") / 30 / 3  # of a network
    assert "under an hour" in said("compare") and 10 < 5 * 3 * epoch < 60
    assert "about an hour" in said("noise") and 30 < 3 * 5 * 3 * epoch < 100
    presets = ("quick", "default", "paper")
    quick, default, paper = (minutes(f"{name}-seed0/lattice.json", "training_seconds") for name in presets)
    assert "quick: 2 epochs, minutes on two cores; default: 12, six times as long;" in said("search")
    assert 2 < quick < 10 and default / quick == pytest.approx(6, rel=0.25)
    assert "the published method, 5 epochs, about as long as default" in said("search")
    assert paper / default == pytest.approx(1, rel=0.3)
    assert [settings.PRESETS[name].epochs for name in presets] == [2, 12, 5]
    for step, count in ((0.05, 231), (0.1, 66), (0.25, 15)):
        assert len(penalties.lattice(3, step)) == count and re.search(rf"{step} (makes )?{count}", said("lattice"))


@pytest.mark.parametrize(
    ("options", "name", "epochs"), [((), "quick-seed3", 2), (("--set", "epochs=1"), "quick-epochs=1-seed3", 1)]
)
def test_search_writes_and_names_checkpoint_log_and_family(
    options, name, epochs, invoke, few_images, folders, tmp_path, monkeypatch
):
    monkeypatch.setitem(settings.PRESETS, "quick", tiny.config("quick", space=tiny.FEW_EDGES, epochs=2))
    arguments = ("search", "--preset", "quick", "--seed", 3, *options)
    done = invoke(*arguments)
    assert done.stderr.splitlines()[-1] == f"next: simplexnas lattice --family {name}"
    written = done.stdout.splitlines()
    run, folder = folders / "runs" / name, folders / "families" / name
    assert written == [str(run / checkpoint.LOG), str(folder)]
    assert not (run / checkpoint.CHECKPOINT).exists(), "the family holds the weights"
    assert list(folder.parent.iterdir()) == [folder]
    family = Family.load(folder)
    assert (family.config.seed, family.config.epochs) == (3, epochs)
    assert family.description.training_seconds > 0
    taken = (
        f"{re.escape(name)} is trained already; use it with `simplexnas front --family {re.escape(name)}`, "
        "or give another --seed; to train it again move it away"
    )
    with pytest.raises(SimplexNASError, match=f"{taken}$"):
        invoke(*arguments, "--resume")
    results = folders / "results" / name
    results.mkdir(parents=True)
    with pytest.raises(SimplexNASError, match=f"{taken}, and {re.escape(str(results))}, its results, with it$"):
        invoke(*arguments)
    folder.rename(tmp_path / "before")
    assert invoke(*arguments, "--resume").stdout.splitlines() == written
    assert Family.load(folder).sha256 == family.sha256


def test_a_budget_of_few_steps_is_told_which_makes_enough(invoke, few_images, folders, monkeypatch):
    """Nothing but the steps takes time here: in a minute are 60 / 0.5 of them."""
    monkeypatch.setitem(settings.PRESETS, "quick", tiny.config("quick", space=tiny.FEW_EDGES))
    monkeypatch.setattr("simplexnas.training.budget.step_seconds", lambda *_: 0.5)
    shown = invoke("search", "--preset", "quick", "--budget-minutes", 0.1).stderr.splitlines()
    assert "12 steps are few: --budget-minutes 9 makes 1,000" in shown  # 8 1/3
    assert shown[-1] == "next: simplexnas lattice --family quick-budget_minutes=0.1-seed0 --step 0.25"


def test_sample_saves_the_architecture(invoke, tiny_folder, tiny_family, tmp_path):
    path = tmp_path / "new" / "architecture.json"
    arguments = ("sample", "--S", "0.1,0.2,0.7", "--family", tiny_folder, "--json")
    shown = invoke(*arguments, "--output", path)
    assert shown.stdout == invoke(*arguments).stdout and shown.stderr == f"{path}\n"
    assert Architecture.load(path) == tiny_family.architecture((0.1, 0.2, 0.7))


def test_evaluate_in_all_ways(invoke, tiny_folder, fewer, monkeypatch):
    monkeypatch.setattr(fashion_mnist, "load", lambda **_: fewer)
    arguments = ("evaluate", "--S", "0.1,0.2,0.7", "--family", tiny_folder, "--ways")
    report, table = json.loads(invoke(*arguments, "--json").stdout), invoke(*arguments).stdout
    assert len(report["ways"]) == 2 and report["ways"]["discrete"] == report["accuracy"]
    for way, accuracy in report["ways"].items():
        assert re.search(rf"^{re.escape(way)} +{100 * accuracy['test']:.2f} % test$", table, re.MULTILINE)


def test_lattice_and_points_then_table(invoke, tiny_folder, fewer, folders, monkeypatch):
    monkeypatch.setattr(fashion_mnist, "load", lambda **_: fewer)
    own = folders / "results" / "tiny"
    lattice = invoke("lattice", "--family", tiny_folder, "--step", 0.5)
    assert lattice.stdout == f"{own / records.LATTICE}\n"
    assert lattice.stderr.splitlines()[-1] == "next: simplexnas front --family tiny"
    assert invoke("points", "--family", tiny_folder).stdout == f"{own / records.PAPER_POINTS}\n"
    first, _, *rest = invoke("table", tiny_folder).stdout.splitlines()
    assert first == str(folders / "results" / records.TABLE)
    assert "\n".join(rest[2:]) == tables.markdown(tables.table())


def test_retrain_rank_and_baselines(invoke, tiny_folder, fewer, folders, drawn_accuracy, monkeypatch):
    monkeypatch.setattr(fashion_mnist, "load", lambda **_: fewer)
    own = folders / "results" / "tiny"
    invoke("lattice", "--family", tiny_folder, "--step", 0.1)
    first, *rest = invoke("baselines", "--family", tiny_folder).stdout.splitlines()
    assert first == str(own / records.BASELINES)
    sources = ["family", "random hypernetwork", "control", "random architecture"]
    for line, source in zip(rest, sources, strict=True):
        assert re.fullmatch(rf"{source} +hypervolume [01]\.\d{{3}}", line)
    monkeypatch.setattr(retraining, "retrain", lambda architecture, *_: architecture.build())
    retrained = invoke("retrain", "--family", tiny_folder, "--epochs", 1).stdout.splitlines()
    ranked = invoke("rank", "--family", tiny_folder, "--of", tiny_folder).stdout.splitlines()
    assert [retrained[0], ranked[0]] == [str(own / records.RETRAINED), str(own / records.RANKED)]
    assert retrained[1:] == ranked[1:], "a family ranks its own sample as its retraining does"
    sources = [point["source"] for point in json.loads((own / records.RETRAINED).read_text())["points"]]
    members, random = (sources.count(source) for source in ("family", "random"))
    listed = {"family and random": members + random, "family": members, "random": random}
    for line, (source, count) in zip(retrained[1:], listed.items(), strict=True):
        gap, tau = r"[+-]\d+\.\d\d", r"-?[01]\.\d\d"
        assert re.fullmatch(rf"{source} \({count}\): retrained - inherited {gap} points, Kendall's tau {tau}", line)


def test_compare_and_noise(invoke, tiny_folder, fewer, folders, drawn_accuracy, monkeypatch):
    """Of the front alone: a member that another beats in size and accuracy is not trained."""
    monkeypatch.setattr(fashion_mnist, "load", lambda **_: fewer)
    monkeypatch.setattr(retraining, "retrain", lambda architecture, *_: architecture.build())
    own = folders / "results" / "tiny"
    invoke("lattice", "--family", tiny_folder, "--step", 0.1)
    front = analysis.front(records.read_record(own / records.LATTICE).points)
    options = ("--members", 100, "--epochs", 1)
    compared = invoke("compare", "--family", tiny_folder, *options, "--random", 2).stdout
    noise = invoke("noise", "--family", tiny_folder, *options, "--seeds", 2).stdout
    assert compared == f"{own / records.COMPARED}\n" and noise == f"{own / records.NOISE}\n"
    points = records.read_record(own / records.COMPARED).points
    assert {point.choice for point in points if point.source == "family"} == {point.choice for point in front}
    assert [point.source for point in points].count("random") == 2
    assert {point.choice for point in records.read_record(own / records.NOISE).points} == {p.choice for p in front}


def test_from_a_latency_table_to_a_model(invoke, tiny_folder, fewer, folders, clock, monkeypatch):
    """Measure, validate, search with measured prices, select within a budget, export."""
    monkeypatch.setattr(fashion_mnist, "load", lambda **_: fewer)
    monkeypatch.setitem(settings.PRESETS, "quick", tiny.config("quick", epochs=1, train_images=64, batch_size=8))
    first, *rest = invoke("latency", "measure", "--family", tiny_folder, "--name", "here").stdout.splitlines()
    assert first == str(folders / "latency" / "here" / "table.json")
    assert len([line for line in rest if re.search(r"/[12] +[0-9.]+$", line)]) == 2 * len(latency.all_parts(tiny.SPACE))
    shown = invoke("latency", "validate", "--table", "here").stdout.splitlines()
    assert shown[0] == str(folders / "latency" / "here" / "validation.json") and len(shown) == 5

    invoke("search", "--preset", "quick", "--set", "price=latency", "--set", "latency_batch=1", "--table", "here")
    family = Family.load(folders / "families" / "quick-latency_batch=1-price=latency-seed0")
    measured = latency.LatencyTable.load("here").edge_ms(1)
    expected = cost.relative_costs("latency", tiny.SPACE, measured)
    assert torch.equal(family.model.costs, expected) and torch.equal(family.model.hypernetwork.costs, expected)

    invoke("lattice", "--family", tiny_folder, "--step", 0.5)
    budget = ("--max-latency-ms", 1e6, "--max-edge-parameters", 1e6, "--family", tiny_folder, "--table", "here")
    chosen = folders / "architecture.json"
    report = json.loads(invoke("select", *budget, "--json", "--output", chosen).stdout)
    selected = invoke("select", *budget, "--output", chosen)
    assert selected.stderr.splitlines()[-1] == f"next: simplexnas export --architecture {chosen} --output model"
    table = selected.stdout
    assert report["latency"]["median_ms"] < 1e6 and re.search(r"^batch of 1 +[0-9.]+ ms, IQR", table, re.MULTILINE)
    assert list(Architecture.load(chosen).operations) == report["choice"]
    lines = invoke("export", "--architecture", chosen, "--output", folders / "model").stdout
    assert json.loads((folders / "model" / "model.json").read_text())["sha256"] == report["sha256"]
    assert [line for line in lines.splitlines() if line.startswith(str(folders))] == [
        str(folders / "model" / name) for name in ("model.json", "model.onnx", "model.pt2")
    ]
    chosen.write_text(json.dumps(json.loads(chosen.read_text()) | {"sha256": "of another"}))
    with pytest.raises(SimplexNASError, match=r"architecture\.json was chosen from another training of"):
        invoke("export", "--architecture", chosen, "--output", folders / "other")


@pytest.mark.parametrize("command", ["sample", "evaluate"])
def test_json_and_table_say_the_same(command, invoke, tiny_folder, few_images):
    arguments = (command, "--S", "0.15,0.15,0.7", "--family", tiny_folder)
    report, table = json.loads(invoke(*arguments, "--json").stdout), invoke(*arguments).stdout
    for key in ("edge_parameters", "total_parameters", "macs"):
        assert f"{report[key]:,}" in table
    assert table.count("->") == len(report["edges"]) == 10
    assert "ways" not in report
    if command == "evaluate":
        assert f"{100 * report['accuracy']['test']:.2f} %" in table


@pytest.mark.parametrize(
    "arguments",
    [
        ("sample", "--S", "0.5,0.5"),
        ("sample", "--S", "a\nb,c", "--json"),
        ("evaluate", "--S", "nan,0.5,0.5", "--json"),
        ("sample", "--S", "0.2,0.3,0.5", "--family", "no-such-family"),
        ("search", "--preset", "fast"),
        ("search", "--seed=-1"),
        ("search", "--set", "epochs=0"),
        ("search", "--set", "epoch=1"),
        ("search", "--set", "epochs"),
        ("search", "--set", "flip=1"),
        ("search", "--accelerator", "foo"),
        ("lattice", "--step", "0.3"),
        ("lattice", "--step", "1e-320"),
        ("sample", "--S", "0.2,0.3,0.5", "--output", "/dev"),
        ("search", "--set", "price=watts"),
        ("search", "--set", "price=latency"),
        ("search", "--table", "here"),
        ("search", "--set", "price=latency", "--table", "no-such-table"),
        ("latency", "measure", "--device", "tpu"),
        ("latency", "validate", "--table", "no-such-table"),
        ("teach",),
        ("sample",),
        ("latency", "measure", "--batch", "0"),
        ("latency", "measure", "--name="),
        ("select", "--max-latency-ms", "two"),
        ("select", "--max-macs", "1e9", "--output", "/dev"),
        ("select", "--max-macs", "1e9", "--table", "here"),
        ("select",),
        ("select", "--max-macs", "-1"),
        ("select", "--min-accuracy", "90"),
        ("select", "--max-latency-ms", "2", "--output", "/dev/null/architecture.json"),
        ("export", "--output", "/dev/null/model"),
        ("export", "--output", "/dev/null", "--S", "0.2,0.3,0.5", "--architecture", "a.json"),
        ("export", "--output", "/dev/null", "--architecture", "/no/such.json"),
        ("export", "--output", "/dev/null", "--S", "0.2,0.3,0.5"),
    ],
    ids=" ".join,
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, few_images, folders, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["simplexnas", *arguments])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    shown = capsys.readouterr()
    assert (stopped.value.code, shown.out) == (2, "")
    assert len(shown.err.splitlines()) == 1 and shown.err.startswith("simplexnas: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--max-latency-ms", "2"),
            "no times of this machine yet; run `simplexnas latency measure` (3 minutes), then try again",
        ),
        (("--min-accuracy", "0.9", "--table", "no-such-table"), "no-such-table/table.json is missing"),
        (("--max-macs", "1e6"), "no member has at most 1,000,000 MACs; the smallest has 6,763,776: --max-macs 6763776"),
        (
            ("--max-edge-parameters", "1e6", "--max-macs", "1"),
            "no member has at most 1 MACs; the smallest has 6,763,776; "
            "the nearest keeps --max-edge-parameters 1000000 --max-macs 6763776",
        ),
        (
            ("--min-accuracy", "0.99"),
            "no member has validation accuracy 0.99; the best has {best}: --min-accuracy {best}",
        ),
        (
            ("--max-edge-parameters", "20000", "--min-accuracy", "0.95"),
            "no member has validation accuracy 0.95; the best has {best}; the nearest keeps --max-edge-parameters ",
        ),
        (("--max-macs", "1e9", "--table", "x"), "--table x: only with --max-latency-ms or --min-accuracy"),
    ],
)
def test_select_says_what_is_missing_or_nearest(arguments, message, monkeypatch, tmp_path, capsys):
    best = max(point.accuracy.validation for point in records.read_lattice("default-seed0").points)
    monkeypatch.setattr(paths, "LATENCY", tmp_path)
    monkeypatch.setattr("sys.argv", ["simplexnas", "select", *arguments])
    with pytest.raises(SystemExit):
        cli.main()
    (line,) = capsys.readouterr().err.splitlines()
    assert message.format(best=f"{math.floor(1e4 * best) / 1e4:.15g}") in line


def test_select_knows_an_unwritable_file_before_it_times(monkeypatch, capsys):
    monkeypatch.setattr(selection, "select", lambda *_, **__: pytest.fail("timed"))
    monkeypatch.setattr("sys.argv", ["simplexnas", "select", "--max-macs", "1e9", "--output", "/dev/null/a.json"])
    with pytest.raises(SystemExit):
        cli.main()
    assert "/dev/null/a.json cannot be written" in capsys.readouterr().err


def test_ctrl_c_ends_in_one_line(monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(selection, "select", interrupted)
    monkeypatch.setattr("sys.argv", ["simplexnas", "select", "--max-macs", "1e9"])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert (stopped.value.code, capsys.readouterr().err) == (130, "simplexnas: stopped\n")


def test_data_counts_the_images(invoke):
    shown = invoke("data").stdout
    assert "55,000" in shown and "5,000" in shown and "10,000" in shown and len(shown.splitlines()) == 1


def test_one_network_is_trained_alone_and_exported(invoke, tiny_folder, fewer, folders, tmp_path, monkeypatch):
    monkeypatch.setattr(fashion_mnist, "load", lambda **_: fewer)
    chosen, network, model = (tmp_path / name for name in ("architecture.json", "network", "model"))
    invoke("sample", "--S", "0.2,0.5,0.3", "--family", tiny_folder, "--output", chosen)
    *accuracies, last = invoke("train", "--architecture", chosen, "--output", network).stdout.splitlines()
    assert last == str(network) and len(accuracies) == 2
    shown = invoke("export", "--network", network, "--output", model, "--no-timing").stdout.splitlines()
    assert shown[:3] == [str(model / name) for name in ("model.json", "model.onnx", "model.pt2")]
    described = json.loads((model / "model.json").read_text())
    assert described["family"] is None and described["latency"] is None
    assert described["test_accuracy"] == json.loads((network / "network.json").read_text())["accuracy"]["test"]


def test_a_network_alone_is_trained_by_the_recipe_of_its_family(
    invoke, tiny_family, few_images, folders, tmp_path, capsys
):
    """Without flips where the family had none: mirrored digits or letters are others."""
    sister = tiny.sister(tiny_family, folders / "families", flip=False, learning_rate=0.005)
    chosen = tmp_path / "architecture.json"
    invoke("sample", "--S", "0.2,0.5,0.3", "--family", "sister", "--output", chosen)
    assert sister.config.flip is False and settings.preset("default").flip is True

    def recipe(output: str, *options) -> dict:
        arguments = ("train", "--architecture", chosen, "--epochs", 1, "--output", tmp_path / output, *options)
        shown.append(invoke(*arguments).stderr)
        return json.loads((tmp_path / output / "network.json").read_text())["config"]

    shown = []
    own = recipe("own")
    assert (own["flip"], own["learning_rate"]) == (False, 0.005) and own["train_images"] == 600
    assert re.search(r"^18 steps are few: --epochs 56 makes 1,000$", shown[0], re.MULTILINE)
    changed = recipe("changed", "--set", "flip=true", "--set", "batch_size=16")
    assert (changed["flip"], changed["batch_size"]) == (True, 16)
    for name in ("channels", "train_images", "kappa", "seed"):
        with pytest.raises(SimplexNASError, match=f"no setting '{name}'; allowed for a network alone: .*flip"):
            recipe("refused", "--set", f"{name}=1")
    content = json.loads(chosen.read_text())
    chosen.write_text(json.dumps(content | {"family": "gone"}))
    with pytest.raises(SimplexNASError, match="family = 'gone'"):
        recipe("refused")
    assert recipe("elsewhere", "--data", "fashion-mnist", "--set", "batch_size=32")["flip"] is True
    assert "by the recipe of preset default, not of the architecture's family: family = 'gone'" in shown[-1]


def test_few_pictures_are_one_line(invoke, few, folders, monkeypatch):
    """How many there are and how many a batch takes; no advice before it that cannot help. What it allows, works."""
    monkeypatch.setattr(fashion_mnist, "load", lambda **_: Splits(few.train.head(50), few.validation, few.test))
    monkeypatch.setitem(settings.PRESETS, "quick", tiny.config("quick", space=tiny.FEW_EDGES, batch_size=64))
    with monkeypatch.context() as silent:
        silent.setattr(train, "say", lambda line: pytest.fail(line))
        with pytest.raises(SimplexNASError, match=r"^batch_size = 64; allowed: up to 50, train_images$"):
            invoke("search", "--preset", "quick")
    assert invoke("search", "--preset", "quick", "--set", "batch_size=16").exit_code == 0


def test_front_says_of_what_its_times_are(invoke, tiny_folder, lattice_path, folders, clock):
    plain = invoke("front", "--family", tiny_folder)
    assert plain.stdout.startswith("edge parameters")
    hint = "ms is left out: no times of this machine yet; run `simplexnas latency measure --family tiny` (3 minutes), "
    assert plain.stderr == f"{hint}then try again\n"
    invoke("latency", "measure", "--family", tiny_folder, "--batch", 2, "--name", "here")
    timed = invoke("front", "--family", tiny_folder, "--table", "here", "--batch", 2).stdout.splitlines()
    assert timed[0] == "ms: predicted for a batch of 2 in onnxruntime, by the latency table here"
    assert timed[1] == plain.stdout.splitlines()[0]


def test_front_of_a_new_family_names_what_is_missing_first(invoke, tiny_folder, folders, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["simplexnas", "front", "--family", "tiny"])
    with pytest.raises(SystemExit):
        cli.main()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("lattice.json is missing; run `simplexnas lattice --family tiny`")


def test_a_family_is_asked_by_its_own_option(invoke, tiny_folder, folders, few, monkeypatch):
    other = settings.preset("default", "darts_cc", space=tiny.SPACE)
    Family("priced", method_of(other)).export(folders / "families" / "priced", tiny.SPENT)
    for family, wrong, right in (("tiny", "--knob", "--S"), ("priced", "--S", "--knob")):
        message = f"^{family} is asked by {right}, not by {wrong}; for example {right} 0\\.[25]"
        with pytest.raises(SimplexNASError, match=message):
            invoke("sample", "--family", family, wrong, "0.5")
        with pytest.raises(SimplexNASError, match=f"^give one of {right}, --architecture, --network$"):
            invoke("export", "--family", family, "--output", folders / "model")


def test_a_model_without_times_is_said_to_be_whole(invoke, tiny_folder, fewer, folders, clock, monkeypatch):
    monkeypatch.setattr(fashion_mnist, "load", lambda **_: fewer)
    monkeypatch.setattr(latency.timing, "NOISE_LIMIT", -1.0)
    export = ("export", "--family", tiny_folder, "--S", "0.2,0.5,0.3", "--output")
    busy = invoke(*export, folders / "model")
    assert busy.stderr.splitlines()[-1] == (
        'too busy to time: the model is complete, but "latency" in model.json is null; '
        "export again on an idle machine, or say --no-timing"
    )
    assert "test images: 100%" in busy.stderr and "test accuracy" in busy.stdout
    assert "null" not in invoke(*export, folders / "other", "--no-timing").stderr


@pytest.mark.parametrize("given", [(), ("--S", "0.2,0.5,0.3", "--network", "x"), ("--network", "x", "--family", "y")])
def test_export_wants_one_network(given, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["simplexnas", "export", "--output", str(tmp_path / "model"), *given])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    error = capsys.readouterr().err
    assert stopped.value.code == 2 and len(error.splitlines()) == 1
    assert "give one of --S" in error or "--network has weights of its own" in error
