"""The book around the chapters: its configuration, its pins, its pairs, and what a build of it shows."""

import html.parser
import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from simplexnas import notebooks
from simplexnas.io.paths import BOOK, ROOT
from simplexnas.report import tables

PAGES = notebooks.pages()


def read_yaml(path: Path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


# Configuration


@pytest.mark.parametrize("name", ["_config.yml", "_toc.yml"])
def test_book_sees_the_files_of_the_root(name):
    cure = f"git config core.symlinks true && git checkout -- book/{name}"
    assert read_yaml(BOOK / name) == read_yaml(ROOT / name), f"book/{name} is no link to ../{name}: {cure}"


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


HEADER = "# ---\n# jupyter:\n#   kernelspec:\n#     display_name: Python 3\n#     name: python3\n# ---\n\n"


def test_drift_is_one_line_that_names_the_pair(tmp_path):
    script = tmp_path / "chapter.py"
    script.write_text(f"{HEADER}# %%\n1 + 1\n")
    assert "missing" in notebooks.drift(script)
    notebooks.jupytext.write(notebooks.jupytext.read(script), script.with_suffix(".ipynb"))
    assert notebooks.drift(script) is None
    script.write_text(f"{HEADER}# %%\n1 + 2\n")
    assert re.fullmatch(r".*chapter\.ipynb and chapter\.py differ: .+", notebooks.drift(script))


def test_executed_chapter_is_stripped_and_repeatable(tmp_path):
    script = tmp_path / "chapter.py"
    script.write_text(f'{HEADER}# %% tags=["parameters"]\nS = 1\n\n# %%\nprint(S)\n\n# %%\nprint(S)\n')
    first, second = notebooks.run(script), notebooks.run(script)
    assert first == second
    assert [cell.metadata for cell in first.cells] == [{"tags": ["parameters"]}, {}, {}]
    assert [cell.execution_count for cell in first.cells] == [1, 2, 3]
    assert "papermill" not in first.metadata


# The built book


class Page(html.parser.HTMLParser):
    """The parts of a built page that the tests look at."""

    def __init__(self, path: Path):
        super().__init__()
        self.language, self.loaded, self.article, self._inside = None, [], [], 0
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "html":
            self.language = attributes.get("lang")
        if tag != "a":  # what the browser fetches by itself, unlike a link
            self.loaded += [attributes[key] for key in ("src", "href", "data") if attributes.get(key)]
        self._inside += tag == "article"

    def handle_endtag(self, tag):
        self._inside -= tag == "article"

    def handle_data(self, data):
        if self._inside:
            self.article.append(data)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The book, built from the committed notebooks with every warning an error."""
    folder = tmp_path_factory.mktemp("site")
    command = Path(sys.executable).with_name("jupyter-book")
    arguments = ["build", BOOK, "--path-output", folder, "-W", "-n", "--keep-going"]
    build = subprocess.run([command, *arguments], capture_output=True, text=True)
    assert build.returncode == 0, build.stdout[-3000:] + build.stderr[-3000:]
    return folder / "_build" / "html"


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_built_page_is_whole(site, name):
    page = Page(site / f"{name}.html")
    assert page.language == "en"
    assert "output traceback" not in page.text
    assert "system-message" not in page.text
    assert "??" not in "".join(page.article)


@pytest.mark.slow
def test_built_pages_load_nothing_from_the_network(site):
    pages = sorted(site.glob("*.html"))
    assert len(pages) > len(PAGES)
    for page in pages:
        assert not [url for url in Page(page).loaded if re.match(r"(https?:)?//", url)], page.name
    for style in site.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", text), style.name
    assert (site / "mathjax" / "tex-svg-full.js").exists()


@pytest.mark.slow
def test_formulas_are_drawn_offline(site):
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("needs Chromium (Debian package chromium)")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND"]
    for name in PAGES:
        page = site / f"{name}.html"
        if 'class="math' not in page.read_text(encoding="utf-8"):
            continue
        drawn = subprocess.run(
            [browser, *flags, "--virtual-time-budget=20000", "--dump-dom", page.as_uri()],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout
        assert drawn.count("<mjx-container") > 0, f"{name}: MathJax drew nothing"
        assert "data-mjx-error" not in drawn, f"{name}: a formula MathJax cannot read"
        assert 'mathcolor="red"' not in drawn, f"{name}: a command MathJax does not know"


@pytest.mark.parametrize("page", ["README.md", "book/intro.md"])
def test_the_short_table_is_that_of_the_results(page):
    assert tables.markdown(tables.table()) in (ROOT / page).read_text(), "paste what `simplexnas table` prints"
