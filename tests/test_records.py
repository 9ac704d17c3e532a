"""Result files: what is read is what was written, and what is not known or missing is named."""

import json
import re

import pytest
import tiny

from simplexnas.family import describe
from simplexnas.io import paths, records
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.records import Accuracy, Point, Record

DRAW = tiny.point(choice=(0, 1), source="control", S=(0.5, 0.5), macs=7)
WHOLE = tiny.point(
    operations={"pool": 2},
    name="A",
    seed=0,
    S=(0.2, 0.8),
    retrained=Accuracy(0.9, 0.8),
    ways={"relaxed": Accuracy(0.7)},
    control=(DRAW,),
    latency_ms=2.5,
)


@pytest.mark.parametrize("point", [DRAW, WHOLE, tiny.point(), tiny.point(source="random")])
def test_a_point_is_read_as_it_was_written(point):
    assert Point.from_dict(json.loads(json.dumps(point.to_dict()))) == point


def test_what_a_file_says_of_a_point():
    assert DRAW.to_dict() == {
        "source": "control",
        "S": [0.5, 0.5],
        "choice": [0, 1],
        "operations": {},
        "edge_parameters": 0,
        "total_parameters": 0,
        "macs": 7,
        "accuracy": {"validation": 0.5, "test": 0.5},
    }
    assert "S" not in tiny.point().to_dict() and tiny.point(source="random").to_dict()["S"] is None
    assert WHOLE.to_dict()["ways"] == {"relaxed": {"test": 0.7}}, "no validation images were asked"


RECORDS = (records.LATTICE, records.PAPER_POINTS, records.BASELINES, records.RETRAINED, records.RANKED)
PUBLISHED = sorted(path for name in RECORDS for path in paths.RESULTS.glob(f"*/{name}"))


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: str(path.relative_to(paths.RESULTS)))
def test_published_files_are_written_as_they_were_read(path):
    content, record = records.read(path), records.read_record(path)
    written = {"version": records.VERSION} | record.to_dict()
    assert {key: written[key] for key in content} == content
    assert not any(value for key, value in written.items() if key not in content)


@pytest.fixture
def path(tmp_path):
    return tiny.record([DRAW, WHOLE], settings={"step": 0.5}).save(tmp_path / "results" / "lattice.json")


def test_a_record_is_read_as_it_was_written(path):
    assert records.read_record(path) == tiny.record([DRAW, WHOLE], settings={"step": 0.5})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("seed"), ": the key 'seed' is missing"),
        (lambda c: c.update(colour=1), ": unknown key 'colour'; allowed: family, .*, points"),
        (lambda c: c.update(points=3), " is damaged (points is no list)"),
        (lambda c: c["points"].append(3), ", point 2: expected an object, not 3"),
        (lambda c: c["points"][1].pop("macs"), ", point 1: the key 'macs' is missing"),
        (lambda c: c["points"][0].update(colour=1), ", point 0: unknown key 'colour'; allowed: operations, .*"),
        (lambda c: c["points"][0].update(choice=1), ", point 0 is damaged ('int' object is not iterable)"),
        (lambda c: c["points"][0]["accuracy"].pop("test"), ", point 0, accuracy: the key 'test' is missing"),
        (lambda c: c["points"][1].update(ways=[]), ", point 1 is damaged ('list' object has no attribute 'items')"),
        (lambda c: c["points"][1]["control"][0].pop("macs"), ", point 1, control: the key 'macs' is missing"),
    ],
)
def test_a_damaged_file_is_one_line_that_names_file_and_key(change, message, path):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(
        SimplexNASError, match=r"results/lattice\.json" + re.escape(message).replace(r"\.\*", ".*")
    ) as error:
        records.read_record(path)
    assert len(str(error.value).splitlines()) == 1


def test_results_of_a_family_elsewhere_are_never_those_of_its_name(tiny_folder, own_results, tmp_path):
    own, other = describe("tiny"), describe(tiny_folder.rename(tmp_path / "tiny"))
    tiny.record(sha256=own.sha256, seconds=2.0).save(own.results / records.LATTICE)
    with pytest.raises(SimplexNASError, match=rf"lattice --family {re.escape(str(tmp_path / 'tiny'))}`$"):
        records.read_own(other, records.LATTICE)
    tiny.record(sha256=own.sha256, seconds=3.0).save(other.results / records.LATTICE)
    assert [records.read_own(each, records.LATTICE).seconds for each in (own, other)] == [2, 3]
    tiny.record(sha256="of another").save(own.results / records.LATTICE)
    with pytest.raises(SimplexNASError, match=r"lattice.json is not of this family tiny; run `.* --family tiny`$"):
        records.read_own(own, records.LATTICE)
    assert isinstance(records.read_lattice("tiny"), Record)
