"""Numbers in prose: a page says what the result files say, or the check fails."""

import json
import shutil

import pytest

from simplexnas.io import paths, records
from simplexnas.io.errors import SimplexNASError
from simplexnas.report import numbers
from simplexnas.report.pages import verdict

TEXT = """Ahead by **7<!--=verdict.gain.least--> to 10<!--=verdict.gain.most--> %** (B: 86<!--=verdict.published.B-->).

<!--=table-->
| old |
<!--/table-->
The end.
"""


def test_every_page_says_what_the_files_say():
    assert numbers.stale(numbers.values()) == {}
    named = sum(len(numbers.NUMBER.findall(page.read_text(encoding="utf-8"))) for page in numbers.pages())
    assert named > 0


def test_numbers_and_tables_are_replaced_and_nothing_else():
    gain = {"verdict.gain.least": "1.5", "verdict.gain.most": "-2,000", "verdict.published.B": "3"}
    known = gain | {"table": "| new |\n| rows |"}
    found = numbers.replaced(TEXT, known, "page")
    expected = TEXT.replace("**7<", "**1.5<").replace("10<", "-2,000<").replace("86<", "3<")
    assert found == expected.replace("| old |", known["table"])
    assert numbers.replaced(found, known, "page") == found


def test_a_table_in_a_script_is_a_comment():
    known = {"table": "| new |\n| rows |"}
    text = "# A page.\n# <!--=table-->\n# | old |\n# <!--/table-->\nx = 1\n"
    found = numbers.replaced(text, known, "page")
    assert found == "# A page.\n# <!--=table-->\n# | new |\n# | rows |\n# <!--/table-->\nx = 1\n"
    assert numbers.replaced(found, known, "page") == found


def test_unknown_name_is_one_line():
    with pytest.raises(SimplexNASError, match=r"^page\.md: no number is named 'worst'$"):
        numbers.replaced("5<!--=worst-->", {"best": "1"}, "page.md")


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A page and the results that it is of, to be changed; of all pages' numbers those of one, which take less time."""
    monkeypatch.setattr(numbers.of_pages, "numbers", verdict.numbers)
    shutil.copytree(paths.RESULTS, tmp_path / "results")
    page = tmp_path / "page.md"
    page.write_text(numbers.replaced(TEXT, numbers.values(), "page"))
    monkeypatch.setattr(paths, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(numbers, "pages", lambda: [page])
    return page


def test_a_changed_result_fails_the_check_and_changes_the_page(copied, monkeypatch, capsys):
    assert numbers.stale(numbers.values()) == {}
    path = paths.RESULTS / records.TABLE
    content = json.loads(path.read_text())
    content["rows"][1]["best"]["accuracy"]["test"] = 0.1234
    path.write_text(json.dumps(content))
    monkeypatch.setattr("sys.argv", ["numbers", "check"])
    with pytest.raises(SystemExit, match="do not say what the result files say; `make refresh`"):
        numbers.main()
    assert "page.md" in capsys.readouterr().out and "-67<!--=verdict.gain.least-->" not in copied.read_text()
    monkeypatch.setattr("sys.argv", ["numbers", "refresh"])
    numbers.main()
    assert "-67<!--=verdict.gain.least--> to" in copied.read_text() and numbers.stale(numbers.values()) == {}
