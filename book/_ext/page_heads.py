"""Sphinx extension of this book: what a page says of itself to browsers,
search engines and programs that show a link."""

import html
import re
import textwrap
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

LONGEST = 200  # characters of a description
IMAGE = "_static/preview.png"
OF_SPHINX = {"genindex": "Index", "search": "Search"}
INDEX = """<!DOCTYPE html>
<html lang="{language}">
  <head>
    <meta charset="utf-8" />
    <meta http-equiv="refresh" content="0; url={front}" />
    {head}
  </head>
  <body><a href="{front}">{front}</a></body>
</html>
"""


def plain(block: nodes.Element) -> str:
    """The text of a block as one reads it; none, if it has a formula that
    is more than a letter."""
    block = block.deepcopy()
    unseen = nodes.raw, nodes.comment
    for node in [n for n in block.findall() if isinstance(n, unseen)]:
        node.parent.remove(node)
    if any(len(each.astext()) > 1 for each in block.findall(nodes.math)):
        return ""
    text = " ".join(block.astext().split())
    # Without the page around it a citation or a figure's number says little.
    return re.sub(r" (\[[^]]*\d{4}\w?\]|\((Fig\.|Table) \d+\))", "", text)


def description(doctree: nodes.document) -> str:
    """The first results in the box of the page, if it has one, and else
    its first paragraphs."""
    results = [
        item
        for box in doctree.findall(nodes.admonition)
        if "minute" in box["classes"]
        for item in box.findall(nodes.list_item)
    ]
    prose = [
        paragraph
        for paragraph in doctree.findall(nodes.paragraph)
        if isinstance(paragraph.parent, nodes.section)
    ]
    said = ""
    for block in results + prose:
        # What starts in italics says for whom the page is, and how long.
        aside = isinstance(next(iter(block), None), nodes.emphasis)
        if not aside and len(said) < 100:
            said = f"{said} {plain(block)}"
    return textwrap.shorten(said, LONGEST, placeholder=" …")


def describe(
    app: Sphinx, page: str, template: str, context: dict, doctree
) -> None:
    """Put the description, and the tags of Open Graph, into a page."""
    base, site = app.config.html_baseurl, app.config.html_title
    title = context.get("title") or OF_SPHINX[page]
    title = html.unescape(re.sub("<.*?>", "", title))
    if title == site:
        context["docstitle"] = ""  # it is not said twice
    said = f"{title} of the book: {site}"
    if doctree:
        said = description(doctree)
    front = page == app.config.root_doc
    tags = {
        "og:title": title,
        "og:description": said,
        "og:type": "website" if front else "article",
        "og:site_name": site,
        "og:image": base + IMAGE,
    }
    if base:
        tags["og:url"] = f"{base}{page}.html"
    lines = [f'<meta name="description" content="{html.escape(said)}" />']
    for name, content in tags.items():
        content = html.escape(content)
        lines.append(f'<meta property="{name}" content="{content}" />')
    context["metatags"] = "\n    ".join(
        [context.get("metatags", ""), *lines]
    )


def describe_index(app: Sphinx, error: Exception | None) -> None:
    """index.html leads to the front page: what is said of one is said of
    the other."""
    if error is None and app.builder.name == "html":
        front = f"{app.config.root_doc}.html"
        text = Path(app.outdir, front).read_text(encoding="utf-8")
        said = r'<title>.*|<meta (?:name="description"|property).*'
        head = "\n    ".join(re.findall(said, text))
        index = INDEX.format(
            language=app.config.language, front=front, head=head
        )
        Path(app.outdir, "index.html").write_text(index, encoding="utf-8")


def setup(app: Sphinx) -> dict:
    app.connect("html-page-context", describe)
    # Later than the extension that writes an index.html without a head.
    app.connect("build-finished", describe_index, priority=900)
    return {
        "version": "1",
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
