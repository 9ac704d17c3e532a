"""The library's front door."""

import subprocess
import sys

import pytest

import simplexnas


@pytest.mark.parametrize("name", simplexnas.__all__)
def test_every_public_name_is_there(name):
    assert getattr(simplexnas, name).__name__ == name and name in dir(simplexnas)


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = simplexnas.nonsense


def test_the_package_alone_imports_no_torch():
    subprocess.run([sys.executable, "-c", "import sys, simplexnas; sys.exit('torch' in sys.modules)"], check=True)
