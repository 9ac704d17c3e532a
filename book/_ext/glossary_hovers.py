"""Sphinx extension of this book: the first use of a word of the glossary on
a page is a link to it that carries its definition.

`_static/book.js` shows the definition on hover, focus and tap; without
JavaScript the link leads to it. Words are written once, in `{glossary}`.
"""

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.writers.html5 import HTML5Translator
from sphinx_design.dropdown import dropdown_title

# Where a word is code, a name, the paper's, or a link already.
PASSED_OVER = (
    *(nodes.literal, nodes.FixedTextElement, nodes.math, nodes.raw),
    *(nodes.title, dropdown_title, nodes.thead),
    *(nodes.block_quote, nodes.reference),
    *(nodes.citation, nodes.comment, nodes.system_message),
)
# These are everyday words too: meant are those that follow one of these.
AFTER = {
    "control": "the|a",
    "front": "the|a|its|each",
    "gain": "a|at",
    "path": "a|each|one|two",
    "price": "the|its|minus",
    "worth": "the|its|their",
}


class word(nodes.reference):
    """A link to a word of the glossary, with its definition as text."""


def visit_word(translator: HTML5Translator, node: word) -> None:
    attributes = {"href": node["refuri"], "data-definition": node["says"]}
    translator.body.append(
        translator.starttag(node, "a", "", CLASS="word", **attributes)
    )


def depart_word(translator: HTML5Translator, node: word) -> None:
    translator.body.append("</a>")


def definitions(env: BuildEnvironment) -> dict[str, tuple[str, str, str]]:
    """Each word's page, anchor and definition."""
    found = {}
    objects = env.get_domain("std").objects.items()
    pages = {page for (kind, _), (page, _) in objects if kind == "term"}
    for page in sorted(pages):
        doctree = env.get_doctree(page)
        for item in doctree.findall(nodes.definition_list_item):
            says = " ".join(item[-1].astext().split())
            for term in item.findall(nodes.term):
                if term["ids"]:
                    key = straight(term.astext())
                    found[key] = page, term["ids"][0], says
    return found


def straight(text: str) -> str:
    """With the apostrophe that a keyboard has."""
    return text.replace("’", "'")


def pattern(word: str) -> str:
    """A word as it stands in a text: also as a plural, and with a capital."""
    first, rest = word[0], word[1:]
    if re.search("[^aeiou]y$", rest):
        rest = f"{re.escape(rest[:-1])}(?:y|ies)"
    else:
        rest = re.escape(rest) + ("" if rest.endswith("s") else "s?")
    before = "".join(
        f"(?<=\\b{each} )|(?<=\\b{each.capitalize()} )|"
        for each in AFTER.get(word, "").split("|")
        if each
    )
    start = f"(?:{before[:-1]})" if before else ""
    cases = f"[{first}{first.upper()}]" if first.islower() else first
    return rf"{start}(?<![\w-]){cases}{rest}(?![\w-])"


def wanted(text: nodes.Text) -> bool:
    """Whether the text is prose of ours."""
    node = text.parent
    while node is not None:
        classes = node.get("classes", ())
        if isinstance(node, PASSED_OVER) or "cell_output" in classes:
            return False
        node = node.parent
    return True


def mark(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Mark the first use of each word on a page."""
    if app.builder.format != "html":
        return
    known = definitions(app.env)
    left = {
        key: re.compile(pattern(key))
        for key, (home, *_) in known.items()
        if home != page
    }

    def address(key: str) -> str:
        home, anchor, _ = known[key]
        return f"{app.builder.get_relative_uri(page, home)}#{anchor}"

    def link(key: str, *text: nodes.Node) -> word:
        says = known[key][2]
        return word("", "", *text, refuri=address(key), says=says)

    written = {address(key): key for key in left}
    for reference in list(doctree.findall(nodes.reference)):
        key = written.get(reference.get("refuri"))
        if key in left:  # by the role {term}
            del left[key]
            reference.replace_self(link(key, *reference.children))
    for text in list(doctree.findall(nodes.Text)):
        if not left or not wanted(text):
            continue
        rest, parts = str(text), []
        while True:
            found = [
                (match.start(), -match.end(), key)
                for key, form in left.items()
                if (match := form.search(straight(rest)))
            ]
            if not found:
                break
            start, end, key = min(found)
            del left[key]
            parts.append(nodes.Text(rest[:start]))
            parts.append(link(key, nodes.Text(rest[start:-end])))
            rest = rest[-end:]
        if parts:
            # By identity: another part of the paragraph may have the same text.
            siblings = enumerate(text.parent)
            place = next(i for i, each in siblings if each is text)
            text.parent[place : place + 1] = [*parts, nodes.Text(rest)]


def setup(app: Sphinx) -> dict:
    app.add_node(word, html=(visit_word, depart_word))
    app.connect("doctree-resolved", mark)
    return {
        "version": "1",
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
