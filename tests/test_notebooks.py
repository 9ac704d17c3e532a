"""Parameters of chapters; tests of the pairs and of the book stand in test_book.py."""

import pytest

from simplexnas import notebooks
from simplexnas.io.errors import SimplexNASError


def test_known_parameters_pass():
    notebooks.check_parameters({"S": 1, "family": 2, "notebooks": notebooks, "In": [], "__name__": ""}, {"S", "family"})


def test_misspelt_parameter_is_one_line():
    with pytest.raises(SimplexNASError, match="unknown parameter 's'; allowed: S, family") as error:
        notebooks.check_parameters({"S": 1, "s": 2}, {"family", "S"})
    assert "\n" not in str(error.value)


def test_second_run_in_the_same_kernel_passes_after_later_imports():
    namespace = {"S": 1, "notebooks": notebooks}
    notebooks.check_parameters(namespace, {"S"})
    namespace["plt"] = None
    notebooks.check_parameters(namespace, {"S"})


def test_refused_parameter_is_refused_again():
    namespace = {"s": 1}
    for _ in range(2):
        with pytest.raises(SimplexNASError, match="unknown parameter 's'"):
            notebooks.check_parameters(namespace, {"S"})


def test_unknown_chapter():
    with pytest.raises(SimplexNASError, match="no chapter named 'none'"):
        notebooks.refresh(["none"])
