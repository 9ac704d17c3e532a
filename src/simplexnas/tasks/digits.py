"""scikit-learn's digits: 1,797 grey pictures of 8 x 8 pixels in ten classes, for a try that takes seconds."""

import numpy as np

from simplexnas.tasks.task import SPLIT_SEED, Shape, Splits, cut, make_splits

NAME = "digits"
SHARES = {"test": 0.2, "validation": 0.15}
RESIZE = (
    "a digit of 32 x 32 pixels, black and white, in blocks of 4 x 4: the number of its pixels with ink (0 … 16), times "
    "255 / 16; ink white on black"
)


def load() -> Splits:
    """The three splits: of each class 20 % for the test, 15 % for validation, the rest for weights."""
    from sklearn.datasets import load_digits  # scikit-learn takes a second to import

    digits = load_digits()
    images = np.rint(digits.images[:, None] * (255 / 16)).astype(np.uint8)
    labels = digits.target.astype(np.int64)
    return make_splits(
        {name: (images[chosen], labels[chosen]) for name, chosen in cut(labels, SHARES, SPLIT_SEED).items()},
        name=NAME,
        source=NAME,
        classes=tuple(map(str, range(10))),
        shape=Shape(channels=1, size=8, classes=10),
        resize=RESIZE,
        split_seed=SPLIT_SEED,
    )
