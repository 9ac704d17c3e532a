"""Sphinx extension of this book: works are cited as they are listed, by
author and year, and never in two pairs of brackets."""

from collections.abc import Iterable, Iterator

from docutils import nodes
from pybtex.database import Entry
from pybtex.plugin import register_plugin
from pybtex.style.formatting.unsrt import Style
from pybtex.style.labels import BaseLabelStyle
from pybtex.style.sorting import BaseSortingStyle
from sphinx import addnodes
from sphinx.application import Sphinx


def label(entry: Entry) -> str:
    """Such as "Cai et al., 2019". A work without a year has a word for
    what it is, in its field `label`."""
    names = [
        " ".join(map(str, each.rich_prelast_names + each.rich_last_names))
        for each in entry.persons["author"]
    ]
    if len(names) > 2:
        names = [f"{names[0]} et al."]
    when = entry.fields.get("year") or entry.fields["label"]
    return f"{' and '.join(names)}, {when}"


class Labels(BaseLabelStyle):
    """Equal labels are not told apart: sphinxcontrib-bibtex warns of
    them, and a warning fails the build."""

    def format_labels(self, entries: Iterable[Entry]) -> Iterator[str]:
        return map(label, entries)


class ByLabel(BaseSortingStyle):
    def sorting_key(self, entry: Entry) -> str:
        return label(entry).casefold()


class AuthorYear(Style):
    default_label_style = Labels
    default_sorting_style = ByLabel


def one_pair_of_brackets(app: Sphinx, doctree: nodes.document) -> None:
    """A citation within round brackets has no brackets of its own, and
    one in the text has them: `{cite:t}` reads like `{cite}`."""
    for cited in doctree.findall(addnodes.pending_xref):
        kind = cited.get("refdomain"), cited.get("reftype")
        if kind in (("cite", "p"), ("cite", "t")):
            place = cited.parent.index(cited)
            before = cited.parent[:place]
            before = "".join(node.astext() for node in before)
            within = before.count("(") > before.count(")")
            cited["reftype"] = "alp" if within else "p"


def setup(app: Sphinx) -> dict:
    register_plugin("pybtex.style.formatting", "author_year", AuthorYear)
    app.connect("doctree-read", one_pair_of_brackets)
    return {
        "version": "1",
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
