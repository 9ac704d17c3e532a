"""A folder of pictures."""

from simplexnas.tasks.task import Splits, Task


def is_folder(source: str) -> bool:
    """Whether a source of data names a folder."""


def load_kept(task: Task) -> Splits | None:
    """The kept images of a task, found by its fingerprint."""


def load(source: str, image_size: int | None) -> Splits:
    """The splits of a folder."""
