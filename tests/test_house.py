"""The rooms of the library: each imports only the rooms before it, and no modules import each other in a circle."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import simplexnas

ROOMS = (
    *("io", "tasks", "space", "network", "methods", "family"),
    *("training", "measure", "latency", "report", "use", "cli", "__main__"),
)
ALLOWED = {room: set(ROOMS[: number + 1]) for number, room in enumerate(ROOMS)} | {
    "notebooks": {"io"},
    "__init__": set(),
}
PACKAGE = Path(simplexnas.__file__).parent


def modules(package: Path) -> dict[str, Path]:
    """Every module by its dotted name within the package; a package's own is that of its __init__."""
    paths = {path.relative_to(package).with_suffix(""): path for path in package.rglob("*.py")}
    return {".".join(path.parts).removesuffix(".__init__"): file for path, file in paths.items()}


def imported(path: Path, known: set[str], package: str = "simplexnas") -> set[str]:
    """The package's modules that a file imports, in functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                names.add(whole if whole.removeprefix(f"{package}.") in known else node.module)
    return {name.removeprefix(f"{package}.") for name in names if name.startswith(f"{package}.")}


def test_house(package: Path = PACKAGE):
    files = modules(package)
    imports = {name: imported(path, set(files)) for name, path in files.items()}
    for name, others in imports.items():
        assert others <= set(files), f"{name} imports what is not there: {others - set(files)}"
        room = name.partition(".")[0]
        for other in others:
            assert other.partition(".")[0] in ALLOWED[room], f"{name} imports {other}, which stands above it"
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        raise AssertionError(f"a circle: {' -> '.join(error.args[1])}") from None


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"io/a.py": "from simplexnas.family import Family"}, "io.a imports family, which stands above it"),
        (
            {"measure/a.py": "def f():\n    from simplexnas.report import b", "report/b.py": ""},
            "measure.a imports report.b",
        ),
        ({"notebooks.py": "import simplexnas.space"}, "notebooks imports space"),
        ({"io/a.py": "import simplexnas.io.b", "io/b.py": "def f():\n    from simplexnas.io import a"}, "a circle: "),
        ({"io/a.py": "from simplexnas.io.gone import x"}, "io.a imports what is not there"),
    ],
)
def test_a_house_that_is_not_in_order(files, message, tmp_path):
    base = {f"{room}/__init__.py": "" for room in ("io", "space", "measure", "report")} | {"family.py": ""}
    for name, text in (base | files).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    with pytest.raises(AssertionError, match=message):
        test_house(tmp_path)
