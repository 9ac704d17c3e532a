"""The book around the chapters: its configuration, its pins, its pairs. What a build shows is in test_site."""

import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import jupytext
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from simplexnas import notebooks
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.paths import BOOK, ROOT
from simplexnas.report import numbers, style

PAGES = notebooks.pages()


def read_yaml(path: Path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


# Configuration


def test_book_has_copies_of_the_files_of_the_root(monkeypatch, tmp_path):
    assert notebooks.differing_copies() == []
    monkeypatch.setattr(notebooks, "BOOK", tmp_path)
    notebooks.copy_configuration(tmp_path)
    assert read_yaml(tmp_path / "_toc.yml") == read_yaml(ROOT / "_toc.yml")
    (tmp_path / "_toc.yml").write_text("../_toc.yml")  # what a link becomes where there are none
    assert notebooks.differing_copies() == ["book/_toc.yml is no copy of _toc.yml; `make refresh` copies it"]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs a clone")
def test_no_symbolic_link_is_committed():
    """Not every checkout or archive has them."""
    listed = subprocess.run(["git", "ls-files", "--stage"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert listed and not [line for line in listed.splitlines() if line.startswith("120000")]


def test_jupyter_book_is_version_1():
    version = importlib.metadata.version("jupyter-book")
    assert version.split(".")[0] == "1", f"jupyter-book {version} reads no _toc.yml and builds nothing"


@pytest.mark.parametrize("page", PAGES)
def test_every_page_of_the_contents_exists(page):
    assert any((BOOK / f"{page}{suffix}").exists() for suffix in (".md", ".ipynb"))


def test_every_chapter_is_in_the_contents():
    assert sorted(BOOK.glob("*.py")) == sorted(notebooks.chapters())


def test_the_notebooks_module_needs_no_torch():
    code = "import sys, simplexnas.notebooks; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_executed_copy_of_the_book_can_be_built(tmp_path, monkeypatch):
    """It has all but what was built before: also the extensions that the configuration names."""
    monkeypatch.setattr(notebooks, "chapters", list)
    notebooks.execute(tmp_path / "copy")
    for extension, folder in read_yaml(ROOT / "_config.yml")["sphinx"]["local_extensions"].items():
        assert (tmp_path / "copy" / folder / f"{extension}.py").exists()
    assert not [*(tmp_path / "copy").rglob("_build"), *(tmp_path / "copy").glob("*.ipynb")]
    assert {path.name for path in (tmp_path / "copy" / "_static").iterdir()} == {
        path.name for path in (BOOK / "_static").iterdir()
    }


def test_workflow_says_where_the_published_site_comes_from():
    """Only there: test_site looks at pages with and without it."""
    jobs = read_yaml(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]
    given = [step.get("env", {}) for job in jobs.values() for step in job["steps"] if step.get("run") == "make book"]
    known = re.findall(r'os\.environ\.get\("(\w+)"\)', (BOOK / "_ext" / "published.py").read_text(encoding="utf-8"))
    assert [sorted(variables) for variables in given] == [sorted(known)] and len(known) == 2


@pytest.mark.parametrize("name", ["logo", "favicon"])
def test_logo_has_the_colours_of_the_figures(name):
    text = (BOOK / "_static" / f"{name}.svg").read_text(encoding="utf-8")
    colors = re.findall(r"#\w{6}", text)
    assert colors and {*colors} <= {*style.LINE_COLORS, *style.OPERATION_COLORS.values()}


# Pins


def pins(lines: list[str]) -> dict[str, str]:
    """Versions by name, from lines such as name==version; comments and pip's options are passed over."""
    found = (re.fullmatch(r"([\w.-]+)==([\w.]+)", line.strip()) for line in lines)
    return {canonicalize_name(match[1]): match[2] for match in found if match}


def requirements() -> list[Requirement]:
    """Everything that pyproject.toml names: dependencies and extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = sum(project["optional-dependencies"].values(), project["dependencies"])
    return [Requirement(line) for line in lines]


CONSTRAINTS = pins((ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("requirement", requirements(), ids=str)
def test_constraints_pin_every_dependency_within_its_range(requirement):
    assert requirement.specifier.contains(CONSTRAINTS[canonicalize_name(requirement.name)], prereleases=True)


def test_conda_environment_has_the_same_pins():
    environment = read_yaml(ROOT / "environment.yml")
    lines = next(entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    names = {canonicalize_name(requirement.name) for requirement in requirements()}
    assert pins(lines) == {name: CONSTRAINTS[name] for name in names}
    assert "-c constraints.txt" in lines, "what the dependencies bring along would be free"


# Pairs


@pytest.mark.parametrize("script", notebooks.chapters(), ids=lambda script: script.stem)
def test_notebook_and_script_hold_the_same_cells(script):
    difference = notebooks.drift(script)
    assert difference is None, difference


@pytest.mark.parametrize("script", notebooks.chapters(), ids=lambda script: script.stem)
def test_stored_cells_are_drawn(script):
    assert "install Graphviz" not in script.with_suffix(".ipynb").read_text(encoding="utf-8")


HEADER = "# ---\n# jupyter:\n#   kernelspec:\n#     display_name: Python 3\n#     name: python3\n# ---\n\n"


def test_drift_is_one_line_that_names_the_pair(tmp_path):
    script = tmp_path / "chapter.py"
    script.write_text(f"{HEADER}# %%\n1 + 1\n")
    assert "missing" in notebooks.drift(script)
    notebooks.jupytext.write(notebooks.jupytext.read(script), script.with_suffix(".ipynb"))
    assert notebooks.drift(script) is None
    script.write_text(f"{HEADER}# %%\n1 + 2\n")
    assert re.fullmatch(r".*chapter\.ipynb and chapter\.py differ: .+", notebooks.drift(script))
    script.with_suffix(".ipynb").write_text("<<<<<<< HEAD\n{}\n")
    assert re.fullmatch(r".*chapter\.ipynb is no notebook; `make refresh` .+", notebooks.drift(script))


FIGURE = """# %% mystnb={"figure": {"caption": "A line", "name": "fig-line"}}
plt.plot([0, 1])
plt.show()
"""
DRAWN = f"{HEADER}# %%\nfrom simplexnas.report import figures\nfrom simplexnas.report.figures import plt\n\n"


def images(notebook) -> list[str]:
    return [output.data["image/svg+xml"] for cell in notebook.cells for output in cell.outputs if "data" in output]


@pytest.mark.slow
def test_executed_chapter_is_the_same_in_any_environment(tmp_path, monkeypatch):
    """By the library, and by papermill alone as far as figures go."""
    script = tmp_path / "chapter.py"
    told = "# %%\nimport os, sys\n\nprint(os.environ.get('COLUMNS'), sys.warnoptions)\n\n"
    script.write_text(f"{DRAWN}figures.as_in_the_book()\n\n{told}{FIGURE}")
    expected = notebooks.run(script)
    assert len(images(expected)) == 1
    style = tmp_path / "style"
    style.write_text("figure.dpi: 30\nlines.linewidth: 9\n")
    users = {"MPLBACKEND": "Agg", "MATPLOTLIBRC": str(style), "COLUMNS": "20", "PYTHONWARNINGS": "ignore"}
    for name, value in users.items():
        monkeypatch.setenv(name, value)
    assert notebooks.run(script) == expected
    assert os.environ["MPLBACKEND"] == "Agg", "the user's variables are given back"
    notebooks.jupytext.write(notebooks.jupytext.read(script), tmp_path / "in.ipynb")
    notebooks.papermill.execute_notebook(tmp_path / "in.ipynb", tmp_path / "out.ipynb", progress_bar=False)
    assert images(notebooks.nbformat.read(tmp_path / "out.ipynb", as_version=4)) == images(expected)


def test_chapter_without_its_figure_is_refused(tmp_path):
    script = tmp_path / "chapter.py"
    script.write_text(f"{DRAWN}plt.switch_backend('agg')\n\n{FIGURE}")
    with pytest.raises(SimplexNASError, match=r"chapter\.py: the figure fig-line has no image") as error:
        notebooks.run(script)
    assert "\n" not in str(error.value)
    notebooks.jupytext.write(notebooks.jupytext.read(script), script.with_suffix(".ipynb"))
    assert "chapter.ipynb: the figure fig-line has no image; `make refresh`" in notebooks.drift(script)


@pytest.mark.parametrize(("described", "missing"), [({"caption": "A table"}, 0), (None, 1)])
def test_a_table_may_have_a_caption_and_is_no_image(described, missing):
    """An image is needed where one is described."""
    told = {"figure": described} if described else {"image": {"alt": "A line"}}
    output = notebooks.nbformat.v4.new_output("display_data", {"text/html": "<table></table>"})
    cell = notebooks.nbformat.v4.new_code_cell("", outputs=[output], metadata={"mystnb": told})
    notebook = notebooks.nbformat.v4.new_notebook(cells=[cell])
    assert len(notebooks.figures_without_image(notebook)) == missing


@pytest.mark.parametrize("script", notebooks.chapters(), ids=lambda script: script.stem)
def test_every_chapter_draws_as_in_the_book(script):
    text = script.read_text(encoding="utf-8")
    assert ("plt.show()" in text) <= ("figures.as_in_the_book()\n" in text)


def test_executed_chapter_is_stripped_and_repeatable(tmp_path):
    script = tmp_path / "chapter.py"
    script.write_text(f'{HEADER}# %% tags=["parameters"]\nS = 1\n\n# %%\nprint(S)\n\n# %%\nprint(S)\n')
    first, second = notebooks.run(script), notebooks.run(script)
    assert first == second
    assert [cell.metadata for cell in first.cells] == [{"tags": ["parameters"]}, {}, {}]
    assert [cell.execution_count for cell in first.cells] == [1, 2, 3]
    assert "papermill" not in first.metadata


# What a reader meets

PROSE = [path for path in numbers.pages() if path.name not in ("notation.md", "bibliography.md")]
MOST_NUMBERS = 4  # in a paragraph of prose
CODE = r"```.*?```"
NOT_COUNTED = (
    r"\$\$.*?\$\$|`[^`]*`|\]\([^)]*\)|<[^>]*>",  # formulas on a line of their own, names, addresses, comments
    r"[Ss]lides? \d+(?: (?:and|to) \d+)?|c-\d|\bseeds? \d|[\^_](?:\{[^}]*\}|\d)",  # names and exponents
)
NUMBER = re.compile(r"(?<![\w.])\d[\d,.]*(?: × \d[\d,.]*)*")


def paragraphs(path: Path) -> Iterator[str]:
    """Of prose: no tables, no quotes, no code, no heads. Blank lines part them, so that a list without any is one; a
    caption is one too."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        cells = jupytext.reads(text, "py:percent").cells
        figures = (cell.metadata.get("mystnb", {}).get("figure") for cell in cells)
        yield from (figure["caption"] for figure in figures if figure)
        text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    text = re.sub(CODE, "", text, flags=re.DOTALL)
    text = re.sub(r"^(?::::.*|---|[|>#].*|<!--=?/?\w+-->)$", "", text, flags=re.MULTILINE)
    for part in re.split(r"\n\s*\n", text):
        yield re.sub(r"^\s*\d+\. ", "", part, flags=re.MULTILINE)


@pytest.mark.parametrize("path", PROSE, ids=[path.stem for path in PROSE])
def test_a_paragraph_has_few_numbers(path):
    crowded = []
    for part in paragraphs(path):
        bare = re.sub("|".join(NOT_COUNTED), "", part, flags=re.DOTALL)
        if len(found := NUMBER.findall(bare)) > MOST_NUMBERS:
            crowded.append((found, part))
    assert crowded == []


def test_every_figure_and_table_is_cited():
    text = "\n".join(path.read_text(encoding="utf-8") for path in numbers.pages())
    named = re.findall(r'"name": "([\w-]+)"|:name: ([\w-]+)', text)
    cited = set(re.findall(r"{numref}`(?:[^`<]*<)?([\w-]+)>?`", text))
    assert len(named) > 80 and {first or second for first, second in named} - cited == set()


LONGEST_CELL = 15  # lines


@pytest.mark.parametrize("script", notebooks.chapters(), ids=lambda script: script.stem)
def test_chapters_explain_and_the_library_defines(script):
    cells = [cell.source for cell in jupytext.read(script).cells if cell.cell_type == "code"]
    assert [cell for cell in cells if len(cell.splitlines()) > LONGEST_CELL] == []
    assert not re.search(r"^\s*(?:def|class) ", "\n".join(cells), re.MULTILINE)
