"""Colours, marks and letters of every figure and drawing."""

from collections.abc import Iterable

import seaborn as sns

# Inches of a figure, points of its letters: on a phone it is 324 pixels wide or more, and they are 9 high or more.
FIGURE_WIDTH, LETTERS = 5, 11
# Okabe and Ito's palette, readable with any colour vision.
OPERATION_COLORS = {"pool": "#0072B2", "identity": "#999999", "convolution": "#D55E00"}
LINE_COLORS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999")
MARKERS = "o^svDP"
# Beside their colours, of the lines and of the bars of the first three operations: dashed, dotted and whole.
DASHES = ("9 4", "1.5 4", "none")
HATCHES = ("////", "...", "")


def operation_colors(operations: Iterable[str]) -> dict[str, str]:
    """A colour for each operation: those of OPERATION_COLORS if all are in it, else as many others as are needed."""
    names = list(operations)
    if set(names) <= set(OPERATION_COLORS):
        return {name: OPERATION_COLORS[name] for name in names}
    palette = sns.color_palette("colorblind" if len(names) <= 10 else "husl", len(names))
    return dict(zip(names, palette.as_hex(), strict=True))
