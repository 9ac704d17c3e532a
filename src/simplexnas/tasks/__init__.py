"""What is to be learned: images, classes, splits; by name, or from a folder of pictures."""

from simplexnas.tasks.loading import load, load_of
from simplexnas.tasks.task import NAMED, Shape, Split, Splits, Task

__all__ = ["NAMED", "Shape", "Split", "Splits", "Task", "load", "load_of"]
