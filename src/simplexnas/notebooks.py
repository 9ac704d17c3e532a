"""Execute the book's chapters and keep each pair of notebook and script the same.

A chapter is a pair: `book/x.py` (py:percent) is the source, `book/x.ipynb` the same cells with their outputs.
`execute` leaves the pairs alone, `refresh` writes them, `check` compares them:

    python -m simplexnas.notebooks execute         # copy of book/ in _book/, every chapter freshly run
    python -m simplexnas.notebooks refresh [x ...] # run chapters and write book/x.ipynb
    python -m simplexnas.notebooks check           # fail where notebook and script differ, or figures are missing

book/_config.yml and book/_toc.yml are copies of the root's, and not links, which not every checkout has; `execute` and
`refresh` make them anew, `check` compares them.
"""

import argparse
import ast
import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import jupytext
import nbformat
import papermill
import yaml
from jupytext.compare import NotebookDifference, compare_notebooks
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError

from simplexnas.io.errors import SimplexNASError
from simplexnas.io.files import write_atomically
from simplexnas.io.paths import BOOK, ROOT, relative

EXECUTED = ROOT / "_book"
COPIED = ("_config.yml", "_toc.yml")
# Variables of a user's that change what a kernel puts out.
USERS_OWN = (
    *("COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR", "PYTHONSTARTUP", "PYTHONWARNINGS"),
    *("IPYTHONDIR", "MATPLOTLIBRC", "MPLBACKEND"),
)


def pages(toc: Path = ROOT / "_toc.yml") -> list[str]:
    """Names of all pages in the table of contents, in reading order, without suffix."""

    def walk(node: dict | list) -> Iterator[str]:
        if isinstance(node, list):
            for item in node:
                yield from walk(item)
        else:
            yield from (node[key] for key in ("root", "file") if key in node)
            for key in ("parts", "chapters", "sections"):
                yield from walk(node.get(key, []))

    return list(walk(yaml.safe_load(toc.read_text(encoding="utf-8"))))


def chapters() -> list[Path]:
    """The scripts of all pages that have one, in reading order."""
    scripts = [BOOK / f"{page}.py" for page in pages()]
    return [script for script in scripts if script.exists()]


def run(script: Path) -> NotebookNode:
    """Execute a chapter from its script; the notebook depends only on the script and on what it computes.

    Raises `SimplexNASError` if a cell that describes a figure shows none.
    """
    notebook = jupytext.read(script)
    _name_cells(notebook)
    with tempfile.TemporaryDirectory() as folder, _plain_environment(folder):
        source, result = Path(folder, "source.ipynb"), Path(folder, "result.ipynb")
        jupytext.write(notebook, source)
        papermill.execute_notebook(source, result, cwd=BOOK, progress_bar=sys.stderr.isatty(), coalesce_streams=True)
        notebook = nbformat.read(result, as_version=4)
    _strip(notebook)
    if missing := figures_without_image(notebook):
        raise SimplexNASError(f"{script.name}: {missing[0]} has no image; nothing was written")
    return notebook


@contextlib.contextmanager
def _plain_environment(folder: str) -> Iterator[None]:
    """No settings of the user's; IPython finds none in the folder."""
    before = dict(os.environ)
    for name in USERS_OWN:
        os.environ.pop(name, None)
    os.environ["IPYTHONDIR"] = folder
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def figures_without_image(notebook: NotebookNode) -> list[str]:
    """Names of the figures (metadata `mystnb.figure` or `mystnb.image`) whose cell has no image among its outputs.

    What has a caption and no description of an image may be a table in HTML too.
    """
    missing = []
    for cell in notebook.cells:
        described = cell.metadata.get("mystnb", {})
        mimes = [mime for output in cell.get("outputs", []) for mime in output.get("data", {})]
        shown = ("image/",) if "image" in described else ("image/", "text/html")
        if {"figure", "image"} & set(described) and not any(mime.startswith(shown) for mime in mimes):
            missing.append(f"the figure {described.get('figure', {}).get('name', '(without a name)')}")
    return missing


def _name_cells(notebook: NotebookNode) -> None:
    """Cell ids from the cells' text, since random ones would change with every run."""
    seen = Counter()
    for cell in notebook.cells:
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
        cell.id = f"{digest}-{seen[digest]}" if seen[digest] else digest
        seen[digest] += 1


def _strip(notebook: NotebookNode) -> None:
    """Drop what papermill and the machine leave behind: times, paths, patch versions, empty tags."""
    notebook.metadata.pop("papermill", None)
    notebook.metadata.get("language_info", {}).pop("version", None)
    for cell in notebook.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if not cell.metadata.get("tags", True):
            del cell.metadata["tags"]


def execute(target: Path = EXECUTED) -> None:
    """Copy book/ and put freshly executed chapters into the copy, so that a build changes no file of book/.

    The copy lies beside book/, so that relative paths to other folders stay right.
    """
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(BOOK, target, ignore=shutil.ignore_patterns("_build", "*.ipynb", "__pycache__", ".*"))
    copy_configuration(target)
    for script in chapters():
        _run_into(script, target / f"{script.stem}.ipynb")


def refresh(names: list[str]) -> None:
    """Execute chapters (all by default) and write their notebooks into book/; copies the configuration.

    Raises `SimplexNASError` for an unknown name.
    """
    scripts = {script.stem: script for script in chapters()}
    unknown = [name for name in names if name not in scripts]
    if unknown:
        raise SimplexNASError(f"no chapter named {unknown[0]!r}; chapters are {', '.join(scripts)}")
    copy_configuration()
    for name in names or scripts:
        _run_into(scripts[name], scripts[name].with_suffix(".ipynb"))


def copy_configuration(target: Path = BOOK) -> None:
    """Copy the book's configuration and table of contents from the root into a folder."""
    for name in COPIED:
        write_atomically(target / name, (ROOT / name).read_text(encoding="utf-8"))


def _run_into(script: Path, target: Path) -> None:
    start = time.perf_counter()
    text = jupytext.writes(run(script), fmt="ipynb")
    write_atomically(target, text.rstrip("\n") + "\n")
    print(f"{relative(target)} ({time.perf_counter() - start:.0f} s)", flush=True)


def drift(script: Path) -> str | None:
    """One line that says how the pair differs or which figure is missing, or None where both hold the same cells."""
    notebook = script.with_suffix(".ipynb")
    pair = f"{relative(notebook)} and {script.name}"
    cure = f"`make refresh` executes {script.name} and writes the notebook"
    if not notebook.exists():
        return f"{pair}: the notebook is missing; {cure}"
    try:
        stored, source = jupytext.read(notebook), jupytext.read(script)
        compare_notebooks(stored, source, fmt="py:percent", compare_outputs=False)
    except nbformat.reader.NotJSONError:  # as after a merge with conflicts
        return f"{relative(notebook)} is no notebook; {cure}"
    except NotebookDifference as difference:
        return f"{pair} differ: {' '.join(str(difference).split())[:160]}; {cure}"
    if missing := figures_without_image(stored):
        return f"{relative(notebook)}: {missing[0]} has no image; {cure}"
    return None


def differing_copies() -> list[str]:
    """A line for each file of the book's configuration that differs from the root's."""
    differing = [name for name in COPIED if (BOOK / name).read_text("utf-8") != (ROOT / name).read_text("utf-8")]
    return [f"book/{name} is no copy of {name}; `make refresh` copies it" for name in differing]


def check_parameters(namespace: Mapping[str, object], known: set[str]) -> None:
    """Refuse misspelt papermill parameters, which papermill itself only warns of.

    namespace: `globals()` of the notebook; known: the names of its parameters. Looks at the cells that papermill
    injected, and passes over the paths of its options such as `--inject-paths`. Raises `SimplexNASError`.
    """
    for source in namespace["In"]:  # IPython's record of the cells that were run
        if source.startswith("# Parameters\n"):
            assigned = [node.targets[0].id for node in ast.parse(source).body if isinstance(node, ast.Assign)]
            unknown = [name for name in assigned if name not in known and not name.startswith("PAPERMILL_")]
            if unknown:
                raise SimplexNASError(f"unknown parameter {unknown[0]!r}; allowed: {', '.join(sorted(known))}")


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    summary = __doc__.splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m simplexnas.notebooks", description=summary)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("execute", help="run every chapter into a copy of book/")
    commands.add_parser("refresh", help="run chapters and write the notebooks of book/").add_argument(
        "chapter", nargs="*", help="names without suffix; all chapters by default"
    )
    commands.add_parser("check", help="fail where a notebook and its script differ")
    options = parser.parse_args(arguments)
    if options.command == "check":
        differences = differing_copies() + [line for line in map(drift, chapters()) if line]
        print(*differences, sep="\n", file=sys.stderr) if differences else print("every pair agrees")
        return int(bool(differences))
    try:
        refresh(options.chapter) if options.command == "refresh" else execute()
    except (SimplexNASError, PapermillExecutionError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
