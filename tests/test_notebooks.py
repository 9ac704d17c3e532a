"""Parameters of chapters; tests of the pairs and of the book stand in test_book.py."""

import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from simplexnas import notebooks
from simplexnas.io.errors import SimplexNASError


@pytest.mark.parametrize("injected", ["S = [0.2, 0.5, 0.3]", 'family = "a"\nPAPERMILL_INPUT_PATH = "in.ipynb"'])
def test_known_parameters_and_papermills_paths_pass_in_any_namespace(injected):
    cells = ["", "S = 1", f"# Parameters\n{injected}\n", "import os\nother = 1"]
    notebooks.check_parameters({"In": cells, "S": 1, "os": None, "other": 1}, {"S", "family"})


def test_misspelt_parameter_is_one_line_each_time():
    for _ in range(2):
        with pytest.raises(SimplexNASError, match="unknown parameter 's'; allowed: S, family") as error:
            notebooks.check_parameters({"In": ["", "S = 1", "# Parameters\nS = 2\ns = 2\n"]}, {"family", "S"})
        assert "\n" not in str(error.value)


@pytest.fixture
def asked(tmp_path):
    """Executes a notebook with a parameter S by papermill's own command."""
    code = "from simplexnas import notebooks\n\nnotebooks.check_parameters(globals(), {'S'})"
    cells = [new_code_cell("S = 1", metadata={"tags": ["parameters"]}), new_code_cell(code)]
    kernel = {"kernelspec": {"name": "python3", "language": "python", "display_name": ""}}
    nbformat.write(new_notebook(cells=cells, metadata=kernel), tmp_path / "in.ipynb")

    def run(*options: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "papermill", "--no-progress-bar", "in.ipynb", "out.ipynb", *options]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    return run


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--inject-paths", "--inject-input-path", "--inject-output-path"])
def test_papermill_may_inject_its_paths(option, asked):
    done = asked("-p", "S", "2", option)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
def test_papermill_refuses_a_misspelt_parameter(asked):
    done = asked("-p", "s", "2", "--inject-paths")
    assert done.returncode != 0 and "SimplexNASError: unknown parameter 's'; allowed: S\n" in done.stderr


def test_unknown_chapter():
    with pytest.raises(SimplexNASError, match="no chapter named 'none'"):
        notebooks.refresh(["none"])
