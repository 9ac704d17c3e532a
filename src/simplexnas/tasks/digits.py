"""scikit-learn's digits: 1,797 grey pictures of 8 x 8 pixels in ten classes, for a try that takes seconds."""

from simplexnas.tasks.task import Splits

NAME = "digits"


def load() -> Splits:
    """The three splits."""
