"""Sphinx extension of this book: what a cell shows as a table is numbered as one.

MyST-NB makes a figure of every output that has a caption.
"""

from docutils import nodes
from sphinx.application import Sphinx


class TableFigure(nodes.figure):
    """A figure without an image."""


def find_tables(app: Sphinx, doctree: nodes.document) -> None:
    for figure in doctree.findall(nodes.figure):
        html = "".join(raw.astext() for raw in figure.findall(nodes.raw))
        if "<table" in html and not any(figure.findall(nodes.image)):
            figure.__class__ = TableFigure


def setup(app: Sphinx) -> dict:
    app.add_enumerable_node(
        TableFigure,
        "table",
        html=(
            lambda writer, node: writer.visit_figure(node),
            lambda writer, node: writer.depart_figure(node),
        ),
    )
    app.connect(
        "doctree-read", find_tables, priority=1
    )  # before labels are collected
    return {
        "version": "1",
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
