"""Sphinx extension of this book: pages without what they do not use, and that programs can read aloud."""

import re
from pathlib import Path

from sphinx.application import Sphinx

MENDED = (
    # 1.5 MB of icons as a script; the theme's style has the same as a font.
    (
        re.compile(
            r'\s*<script defer src="_static/scripts/fontawesome\.js[^"]*"></script>'
        ),
        "",
    ),
    # A head cell without text, above the numbers of rows or beside them, is no head.
    (re.compile(r"<th(?: class=\"head\")?>(?:<p></p>)?</th>"), "<td></td>"),
    # The label hides what folded code says of itself.
    (
        re.compile(r'<summary aria-label="Toggle hidden content">'),
        "<summary>",
    ),
    # Roles of a bibliography that fit no list.
    (
        re.compile(r'<div role="list" class="citation-list">'),
        '<div class="citation-list">',
    ),
    (re.compile(r' role="doc-biblioentry"'), ""),
)


def without_thebe(
    app: Sphinx, page: str, template: str, context: dict, doctree
) -> None:
    """Thebe runs cells on a server, which this book does not do; its script is put in twice, and stops with an error."""

    def used(file) -> bool:
        return (
            "thebe"
            not in f"{file.filename or ''}{file.attributes.get('body', '')}".lower()
        )

    for kind in ("script_files", "css_files"):
        context[kind] = [file for file in context[kind] if used(file)]


def mend(app: Sphinx, error: Exception | None) -> None:
    """Change what Sphinx and the theme write into every page."""
    if error is None and app.builder.name == "html":
        for page in Path(app.outdir).glob("*.html"):
            text = page.read_text(encoding="utf-8")
            for found, put in MENDED:
                text = found.sub(put, text)
            page.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict:
    app.connect(
        "html-page-context", without_thebe, priority=900
    )  # after the extension that adds it
    app.connect("build-finished", mend)
    return {
        "version": "1",
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
