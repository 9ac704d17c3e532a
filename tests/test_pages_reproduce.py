"""The page `reproduce`: its tables and figure by other routes, and what its prose says of them."""

import json
import re
import subprocess
import sys
from xml.dom import minidom

import numpy as np
import pytest
from pages import prose, source, unsaid
from typer.main import get_command

from simplexnas import cli
from simplexnas.io import paths, records
from simplexnas.io.files import read_json
from simplexnas.io.paths import FAMILIES, ROOT
from simplexnas.methods import settings
from simplexnas.report import analysis, paper, published
from simplexnas.report.pages import reproduce as page

SOURCE, TEXT = source("reproduce"), prose("reproduce")
README = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())


def test_spread_of_values():
    assert page.spread([59.6, 61.2, 3599]) == "60 to 3,599" and page.spread(iter([5, 5.2])) == "5"
    assert page.spread([120, 185], 60) == "2 to 3"


def test_seconds_are_those_of_the_training_or_of_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "DATA", tmp_path)
    for name, content in (
        ("a/family.json", {"training_seconds": 9, "seconds": 1}),
        ("b/family.json", {"training_seconds": 2}),
        ("b/lattice.json", {"training_seconds": 2, "seconds": 7}),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps(content))
    assert page.seconds("*/family.json") == [2, 9] and page.seconds("*/lattice.json") == [7]


def test_every_line_of_times_has_its_files():
    found = page.times()
    assert len(found) == len(page.TIMES) == 8
    for line, pattern in zip(found.itertuples(index=False), page.TIMES.values(), strict=True):
        files = sorted((ROOT / "data").glob(pattern))
        assert files, pattern
        key = "training_seconds" if pattern.endswith("family.json") else "seconds"
        values = [json.loads(path.read_text())[key] for path in files]
        assert [int(part.replace(",", "")) for part in line[1].split(" to ")] in (
            [round(min(values)), round(max(values))],
            [round(min(values))],
        )
        assert (" to " in line[1]) == (round(min(values)) != round(max(values))) and line[2] == f"`{pattern}`"
    own = [len({point.choice for point in records.read_lattice(name).points}) for name in published.DEFAULT]
    assert f"231 S, {min(own)} to {max(own)} different networks" in found["what"][2]


def test_everything_is_the_sum_of_the_files():
    total = 0.0
    for folder in paths.RESULTS.iterdir():
        for path in folder.glob("*.json") if folder.is_dir() else ():
            content = json.loads(path.read_text())
            total += content["seconds"] + (content["training_seconds"] if path.name == "lattice.json" else 0)
    total += json.loads((paths.RESULTS / "without_images.json").read_text())["seconds"]
    assert page.everything() == pytest.approx(total / 3600)
    assert {path.parent.name for path in paths.RESULTS.glob("*/lattice.json")} == {*published.EVERY}
    assert page.numbers()["reproduce.everything"] == f"{total / 3600:.0f}"


def test_the_chain_leads_from_the_data_to_the_pages():
    document = minidom.parseString(page.chain())
    words = [text.firstChild.data for text in document.getElementsByTagName("text")]
    assert [word for word in words if word.startswith("data/")] == [
        "data/FashionMNIST",
        "data/families",
        "data/results",
    ]
    arrows = [path for path in document.getElementsByTagName("path") if path.getAttribute("class") == "arrow"]
    assert [arrow.hasAttribute("stroke-dasharray") for arrow in arrows] == [True, True, False]
    trained = [read_json(FAMILIES / name / "family.json")["training_seconds"] / 60 for name in published.DEFAULT]
    assert f"{min(trained):.0f} to {max(trained):.0f} min for a family" in words
    measured = [
        json.loads((paths.RESULTS / name / file).read_text())["seconds"] / 60
        for name in published.DEFAULT
        for file in ("lattice.json", "paper_points.json", "baselines.json")
    ]
    assert f"{min(measured):.0f} to {max(measured):.0f} min each" in words


def test_every_file_with_results_has_its_command():
    patterns = [line.strip("`") for line in page.sources()["file"]]
    wild = [re.sub(r"<\w+>", "[^/]+", re.escape(pattern)) for pattern in patterns]
    known = re.compile("|".join(f"{each}{'.*' if each.endswith('/') else ''}" for each in wild))
    files = [
        path.relative_to(ROOT).as_posix()
        for folder in ("families", "latency", "models", "results")
        for path in (ROOT / "data" / folder).rglob("*")
        if path.is_file() and not path.name.startswith(".")
    ]
    own = [file for file in files if not file.startswith("data/families/") or file.split("/")[2] in published.WHOLE]
    assert len(own) > 100 and [file for file in own if not known.fullmatch(file)] == []
    for each in wild:
        assert [file for file in own if re.match(each, file)], f"{each}: no such file"


def test_every_command_is_one():
    group = get_command(cli.app)
    for command in page.sources()["command"]:
        program, first, *rest = command.strip("`").split()
        if program == "simplexnas":
            assert first in group.commands
            known = group.commands[first]
            known = known.commands[rest[0]] if hasattr(known, "commands") else known
            options = {option for parameter in known.params for option in parameter.opts}
            assert {word for word in rest if word.startswith("--")} <= options, command
        else:
            assert program == "python" and (ROOT / first).exists()


@pytest.mark.parametrize("name", published.WHOLE)
def test_the_command_of_a_family_makes_its_name(name):
    words = page.search(name).split()
    given = {"--preset": "default", "--seed": "0"}  # those of the command
    given |= {word: words[number + 1] for number, word in enumerate(words) if word in given}
    changes = [words[number + 1] for number, word in enumerate(words) if word == "--set"]
    parsed = settings.parse_changes(changes)
    assert settings.family_name(given["--preset"], int(given["--seed"]), parsed, "fashion-mnist") == name
    assert ("--table" in words) == ("price=latency" in name)


def test_to_table_chosen_again():
    found = page.to_table()
    assert "among the 66 points S of step 0.1" in TEXT
    assert found["training"].tolist() == ["the paper's", *(f"2 epochs, seed {seed}" for seed in range(5))]
    for name, budget in (("B", 5_120), ("A", 38_304), ("C", 143_488)):
        assert paper.PAPER[name][2] == budget
        assert found[f"{name}, %"][0] == f"{100 * paper.PAPER[name][1]:.1f}"
        for line, family in zip(found.to_dict("records")[1:], published.QUICK, strict=True):
            content = json.loads((paths.RESULTS / family / "lattice.json").read_text())
            fits = [point for point in content["points"] if point["edge_parameters"] <= budget]
            best = max(fits, key=lambda point: (point["accuracy"]["validation"], -point["edge_parameters"]))
            assert line[f"{name}, %"] == f"{100 * best['accuracy']['test']:.1f}"
            assert line["training, s"] == f"{content['training_seconds']:.0f}"
            assert line["measuring, s"] == f"{content['seconds']:.0f}" and len(content["points"]) == 66


def past(name: str, split: str) -> int:
    """How many of the rows of slide 6 the family is past, within their sizes."""
    record = records.read_lattice(name)
    rows = (paper.PAPER[row] for row in "ABC")
    return sum(analysis.accuracy_within(record.points, size, split=split) > theirs for _, theirs, size, _ in rows)


@pytest.mark.parametrize("split", ["validation", "test"])
def test_which_trainings_are_past_the_paper(split):
    assert "is past all three rows of slide 6 after at most" in TEXT and "with all five seeds" in TEXT
    assert [past(name, split) for name in published.QUICK] == 5 * [3]


def test_minutes_to_the_table():
    spent = [record.training_seconds / 60 for record in map(records.read_lattice, published.QUICK)]
    minutes = int(page.numbers()["reproduce.quick"])
    assert minutes - 1 < max(spent) < minutes
    measured = [record.seconds / record.training_seconds for record in map(records.read_lattice, published.QUICK)]
    assert "Measuring 66 points S takes about as long again" in TEXT and 0.5 < np.mean(measured) < 1.5
    words = {3: "three", 4: "four", 5: "five"}
    assert f"is past the paper's three rows within {words[minutes]} minutes" in README


def test_the_profile_is_that_of_the_file():
    found = page.profile().set_index("operator, ms")
    content = json.loads((paths.RESULTS / "throughput.json").read_text())
    for arm, words in page.ARMS.items():
        own = content["profile_ms_per_step"][arm]
        assert found.loc["convolutions, backward", words] == f"{own['aten::convolution_backward']:.0f}"
        assert found.loc["sum", words] == f"{sum(own.values()):,.0f}"
        lines = found[words][: list(found.index).index("sum")]
        parts = [float(value.replace(",", "")) for value in lines if value != "–"]
        assert sum(parts) == pytest.approx(sum(own.values()), abs=0.5 * len(lines)), "every operator counts once"
        rate = content["images_per_second"][arm]
        assert found.loc["a step without the profiler", words] == f"{1000 * content['batch_size'][arm] / rate:,.0f}"
        assert found.loc["images a second", words] == f"{rate:.0f}"
    assert found.loc["average pooling, both ways"].tolist()[1:] == ["–", "–"]
    assert content["threads"] == 2 and "64 images and 32" in TEXT
    assert content["batch_size"] == {"paper": 64, "paper, channels last": 64, "default": 32}


def test_numbers_of_the_prose():
    found = page.numbers()
    rates = json.loads((paths.RESULTS / "throughput.json").read_text())["images_per_second"]
    assert found["reproduce.faster.last"] == f"{rates['default'] / rates['paper, channels last']:.1f}"
    assert found["reproduce.faster.plain"] == f"{rates['default'] / rates['paper']:.1f}"
    spent = json.loads((paths.RESULTS / "command_times.json").read_text())["seconds"]
    for name, value in (("book", spent["make book"] / 60), ("test", spent["make test"] / 60)):
        assert found[f"reproduce.{name}"] == f"{value:.0f}"
    assert found["reproduce.papermill"] == f"{spent['papermill']:.0f}"
    trained = [read_json(FAMILIES / name / "family.json")["training_seconds"] / 60 for name in published.DEFAULT]
    least, most = (int(found[f"reproduce.family.{end}"]) for end in ("least", "most"))
    assert (least, most) == (round(np.min(trained)), round(np.max(trained)))
    assert unsaid(found, "reproduce") == set()


def test_versions_are_those_of_every_family(monkeypatch):
    found = page.versions()
    for name in published.WHOLE:
        for library, version in read_json(FAMILIES / name / "family.json")["versions"].items():
            assert version.partition("+")[0] in found[library]
    pinned = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert f"\ntorch=={found['torch']}" in pinned and f"\nnumpy=={found['numpy']}" in pinned
    others = iter(("2.0+cpu", "2.1+cpu", *["2.1"] * (len(published.WHOLE) - 2)))
    monkeypatch.setattr(page, "read_json", lambda path: {"versions": {"torch": next(others)}})
    assert page.versions() == {"torch": "2.0 and 2.1"}


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs a clone")
def test_the_data_of_the_clone_are_as_large_as_the_page_says():
    listed = subprocess.run(["git", "ls-files", "data"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    sizes = [(ROOT / name).stat().st_size for name in listed.splitlines() if (ROOT / name).exists()]
    (given,) = re.findall(r"The data of the clone are (\d+) MB", TEXT)
    assert sum(sizes) / 1e6 == pytest.approx(int(given), abs=1.5)


def test_the_environment_alone_is_a_target():
    assert "`make .venv/installed`" in SOURCE and "`make .venv/installed`" in README
    assert "INSTALLED := .venv/installed" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_processes_share_out_the_paths_of_a_step():
    assert "(`--set paths=2`; the presets have one)" in TEXT
    assert [settings.preset(name).most_processes for name in ("default", "paper", "quick")] == [1, 1, 1]
    assert settings.preset("default", paths=2).most_processes == 2


def test_every_verb_of_make_that_the_page_names_is_there():
    verbs = {*re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)}
    assert {*re.findall(r"`make ([a-z]+)`", SOURCE)} <= verbs and sys.version_info[:2] >= (3, 11)
