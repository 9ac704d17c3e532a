"""Published families: their names, what the committed results hold, and what README and book say of them."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from simplexnas.family import Family, describe
from simplexnas.io import paths, records
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.files import read_json
from simplexnas.io.paths import BOOK, FAMILIES, ROOT
from simplexnas.methods import penalties, settings
from simplexnas.report import analysis, names, paper, published, statistics, tables
from simplexnas.report.pages import triangle


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("default-seed12", ("default", [], 12)),
        (
            "paper-kappa=0.1-hypernetwork_learning_rate=1e-05-seed0",
            ("paper", ["kappa=0.1", "hypernetwork_learning_rate=1e-05"], 0),
        ),
    ],
)
def test_a_name_is_read(name, expected):
    assert names.read_name(name) == expected


def test_the_names_are_those_of_the_file():
    content = read_json(published.FILE)
    assert all(set(group) == {"about", "names"} for group in content.values())
    assert published._names("default") == content["default"]["names"] == list(published.DEFAULT)
    assert list(published.ABLATED.values()).count(names.UNCHANGED) == 1, "what the others are compared with"
    assert len(set(published.EVERY)) == len(published.EVERY) and {*published.RANKING} < {*published.EVERY}
    with pytest.raises(SimplexNASError, match=r"published\.json: the key 'gone' with its 'names' is missing"):
        published._names("gone")


def test_the_ablation_changes_one_thing_at_a_time():
    for name in published.ABLATION:
        preset, changes, _ = names.read_name(name)
        assert preset == "quick" and len(settings.parse_changes(changes)) < 2


@pytest.fixture(scope="module")
def trained() -> Family:
    return Family.load(published.DEFAULT[0])


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    return tables.table()


def test_published_table_is_of_the_published_family(trained, rows):
    families = records.read(paths.RESULTS / records.TABLE)["families"]
    assert trained.sha256 in [family["sha256"] for family in families]
    seed = trained.config.seed
    points = records.read_own(trained, records.PAPER_POINTS).points
    for row, point in zip(rows, points, strict=True):
        ours = [run for run in row["ours"]["runs"] if run["seed"] == seed]
        assert ours == [replace(point, seed=seed, control=None).to_dict()]


def test_published_table(rows):
    assert [row["name"] for row in rows] == list(paper.PAPER)
    for row in rows:
        S, accuracy, edge_parameters, operations = paper.PAPER[row["name"]]
        published = {"accuracy": accuracy, "edge_parameters": edge_parameters, "operations": operations}
        assert row["S"] == list(S) and row["paper"] == published
        for group in (row["ours"], row["best"], row["control"]):
            assert group["accuracy"]["n"] == len(group["runs"])
        assert all(run["edge_parameters"] <= edge_parameters for run in row["best"]["runs"])


@pytest.mark.parametrize("name", published.WHOLE)
def test_published_lattice_is_whole_and_of_the_published_family(name):
    family = Family.load(name)
    points = records.read_own(family, records.LATTICE).points
    assert np.allclose([point.S for point in points], penalties.lattice(3, 0.05))
    for point in points:
        architecture = family.architecture(point.S)
        assert point.choice == architecture.operations
        assert point.edge_parameters == architecture.edge_parameters


def test_results_of_no_family_have_a_version_too():
    for path in paths.RESULTS.glob("*.json"):
        assert records.read(path)["versions"]


def test_best_of_published_table_is_the_best_of_the_lattice(trained, rows):
    points = records.read_own(trained, records.LATTICE).points
    for row in rows:
        found = analysis.best_within(points, row["paper"]["edge_parameters"])
        (run,) = [run for run in row["best"]["runs"] if run["seed"] == trained.config.seed]
        assert run == replace(found, seed=trained.config.seed).to_dict()


# Numbers that are typed into README.md


README = (ROOT / "README.md").read_text(encoding="utf-8")


def seconds(path: Path) -> float:
    content = read_json(path)
    return content["training_seconds" if path.name == "family.json" else "seconds"]


def test_times_of_commands_are_those_of_the_file():
    found = records.read(paths.RESULTS / "command_times.json")["seconds"]
    book, test, papermill = (found[name] for name in ("make book", "make test", "papermill"))
    text = re.sub("<!--.*?-->", "", " ".join(README.split()))
    said = f"the first took {book / 60:.0f} min, the second {test / 60:.0f} min, papermill {papermill:.0f} s"
    assert said in text
    trainings = sorted(seconds(path) / 60 for path in FAMILIES.glob("default-seed*/family.json"))
    assert f"took {trainings[0]:.0f} to {trainings[-1]:.0f} min" in text


def test_a_folder_of_pictures_takes_what_the_file_says():
    found = records.read(paths.RESULTS / "image_folder.json")
    text = " ".join(README.split())
    assert f"a million of 32 × 32 in colour take {found['mb_on_disk'] / found['pictures'] * 1000:.2f} GB" in text


def prose(path: Path) -> str:
    """The text of a page, without the names of its numbers."""
    text = path.read_text(encoding="utf-8").replace("\n# ", "\n")
    return " ".join(re.sub("<!--.*?-->", "", text).split())


def test_findings_in_words_are_those_of_the_files(rows):
    """Of README and of the page of verdicts; the numbers beside them have names."""
    readme, verdict = prose(ROOT / "README.md"), prose(BOOK / "verdict.py")
    ours, theirs = ([records.read_lattice(name) for name in of] for of in (published.DEFAULT, published.PAPER))
    networks = [{p.choice: p.accuracy.test for p in each.points} for each in ours]
    assert "About a dozen networks of " in readme and "(among about a hundred that differ)" in readme
    assert "About a dozen of a family are on the *front*" in verdict and "About a hundred networks of " in verdict
    assert (
        "covers four fifths of the distance from the paper to our best at B and D, half of it at A, a third at C"
        in verdict
    )
    assert all(85 < len(each) < 115 for each in networks)
    assert all(10 <= len(analysis.front(each.points)) <= 14 for each in ours)

    pooling = np.mean([point.accuracy.test for point in triangle.pooling_everywhere(published.DEFAULT)])
    assert pooling > max(row["paper"]["accuracy"] for row in rows), "more than each of the paper's models"
    for row, share in zip(rows, (1 / 2, 4 / 5, 1 / 3, 4 / 5), strict=True):
        distance = row["best"]["accuracy"]["test"] - row["paper"]["accuracy"]
        assert (pooling - row["paper"]["accuracy"]) / distance == pytest.approx(share, abs=0.06)

    def ahead(budget: int) -> float:
        best = [[analysis.accuracy_within(each.points, budget) for each in of] for of in (ours, theirs)]
        return 100 * (np.mean(best[0]) - np.mean(best[1]))

    sizes = {name: edge_parameters for name, (_, _, edge_parameters, _) in paper.PAPER.items()}
    assert "Within C's size the published method, as we trained it, is as accurate as ours;" in verdict
    assert (
        "Within C's edge parameters the published method, as we trained it, is as accurate in about the same time"
        in readme
    )
    assert abs(ahead(sizes["C"])) < 0.3
    seconds_of = [np.mean([each.training_seconds for each in of]) for of in (ours, theirs)]
    assert seconds_of[1] / seconds_of[0] == pytest.approx(1, abs=0.3)
    assert re.search(r"within A's it is \d percentage points behind, and within B's and D's it has no network", verdict)
    assert f"within A's it is {ahead(sizes['A']):.0f} percentage points behind" in readme
    assert "and within B's and D's it has none" in readme
    assert np.isnan(ahead(sizes["D"])) and sizes["B"] < sizes["D"]

    retrained = records.read_own(describe(published.DEFAULT[0]), records.RETRAINED)
    assert retrained.settings == {"epochs": 3}
    assert "points below training alone (3 epochs alone, one family; chapter `sharing`)" in readme
    assert "(3 epochs alone, one family)" in verdict and "Ten random architectures, trained alone, are" in verdict
    random = [point for point in retrained.points if point.source == "random"]
    assert len(random) == 10 and len(retrained.points) == 30
    found = statistics.agreement([p.accuracy.test for p in random], [p.retrained.test for p in random])
    assert abs(found["tau"]) < 0.2, "no relation"
    assert "over ten networks we see no relation between the two accuracies" in verdict
