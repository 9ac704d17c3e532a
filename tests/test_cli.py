"""The command line inside this process, on a tiny family."""

import json

import pytest
import tiny
from typer.testing import CliRunner

from simplexnas import cli, config, data, paths, search
from simplexnas.family import Family


@pytest.fixture
def invoke():
    return lambda *arguments: CliRunner().invoke(cli.app, [str(a) for a in arguments], catch_exceptions=False)


@pytest.fixture
def few_images(few, monkeypatch):
    monkeypatch.setattr(data, "load", lambda **_: few)


def test_help_lists_the_commands(invoke):
    shown = invoke("--help").stdout
    assert all(name in shown for name in ("data", "search", "sample", "evaluate", "lattice", "table"))


def test_search_writes_and_names_checkpoint_log_and_family(invoke, few_images, monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(paths, "FAMILIES", tmp_path / "families")
    monkeypatch.setitem(config.PRESETS, "quick", tiny.config("quick", epochs=1))
    written = invoke("search", "--preset", "quick", "--seed", 3).stdout.splitlines()
    run, folder = tmp_path / "runs" / "quick-seed3", tmp_path / "families" / "quick-seed3"
    assert written == [str(run / search.CHECKPOINT), str(run / search.LOG), str(folder)]
    family = Family.load(folder)
    assert family.config.seed == 3 and family.description["training_seconds"] > 0
    again = invoke("search", "--preset", "quick", "--seed", 3, "--resume").stdout.splitlines()
    assert again == written and Family.load(folder).description["sha256"] == family.description["sha256"]


@pytest.mark.parametrize("command", ["sample", "evaluate"])
def test_json_and_table_say_the_same(command, invoke, tiny_folder, few_images):
    arguments = (command, "--S", "0.15,0.15,0.7", "--family", tiny_folder)
    report, table = json.loads(invoke(*arguments, "--json").stdout), invoke(*arguments).stdout
    for key in ("edge_parameters", "total_parameters", "macs"):
        assert f"{report[key]:,}" in table
    assert table.count("->") == len(report["edges"]) == 10
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
        ("search", "--epochs", "0"),
        ("lattice", "--step", "0.3"),
    ],
    ids=" ".join,
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, few_images, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["simplexnas", *arguments])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    shown = capsys.readouterr()
    assert (stopped.value.code, shown.out) == (2, "")
    assert len(shown.err.splitlines()) == 1 and shown.err.startswith("simplexnas: ")


def test_data_counts_the_images(invoke):
    shown = invoke("data").stdout
    assert "55,000" in shown and "5,000" in shown and "10,000" in shown and len(shown.splitlines()) == 1
