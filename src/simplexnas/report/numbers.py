"""Numbers in prose that come from result files: each stands in the text, and beside it its name in a comment.

README and the pages of the book say, for example, `88.6<!--=verdict.within.A--> %`; the comment is not shown. A whole
table stands between `<!--=table-->` and `<!--/table-->`, each on a line of its own (in a script: a comment of its own).

    python -m simplexnas.report.numbers refresh    # write the present numbers into the pages
    python -m simplexnas.report.numbers check      # fail where a page says something else
"""

import argparse
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from simplexnas.io import paths
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.files import write_atomically
from simplexnas.io.paths import relative
from simplexnas.report import pages as of_pages
from simplexnas.report.pages import intro

# A number has no spaces: what stands from the last blank, bracket or asterisk to the comment.
NUMBER = re.compile(r"(?P<said>[^\s()*>]+)(?P<mark><!--=(?P<name>[\w.]+)-->)")
# In a script each line of a block starts as a comment.
BLOCK = re.compile(
    r"^(?P<open>(?P<margin>(?:# )?)<!--=(?P<name>[\w.]+)-->\n)(?P<said>.*?)(?P<close>\n(?P=margin)<!--/(?P=name)-->)",
    re.DOTALL | re.MULTILINE,
)


def values() -> dict[str, str]:
    """Every number and table that a page may name, as it stands in the text."""
    return {"table": intro.table(), "headline": intro.headline()} | of_pages.numbers()


def pages() -> list[Path]:
    """README and the sources of the book's pages."""
    return [paths.ROOT / "README.md", *sorted(paths.BOOK.glob("*.md")), *sorted(paths.BOOK.glob("*.py"))]


def replaced(text: str, known: Mapping[str, str], source: str) -> str:
    """The text with the present numbers. A name that nobody knows raises `SimplexNASError` that names the source."""

    def present(match: re.Match) -> str:
        parts = match.groupdict()
        if parts["name"] not in known:
            raise SimplexNASError(f"{source}: no number is named {parts['name']!r}")
        margin = parts.get("margin", "")
        said = "\n".join(margin + line for line in known[parts["name"]].splitlines())
        return parts.get("open", "") + said + parts.get("mark", "") + parts.get("close", "")

    return NUMBER.sub(present, BLOCK.sub(present, text))


def stale(known: Mapping[str, str]) -> dict[Path, str]:
    """The pages that say something else than the result files, with their text as it should be."""
    texts = {page: page.read_text(encoding="utf-8") for page in pages()}
    present = {page: replaced(text, known, relative(page)) for page, text in texts.items()}
    return {page: text for page, text in present.items() if text != texts[page]}


def main() -> None:
    parser = argparse.ArgumentParser(description="Numbers in README and book that come from result files.")
    parser.add_argument("command", choices=("refresh", "check"))
    command = parser.parse_args().command
    try:
        found = stale(values())
    except SimplexNASError as error:
        sys.exit(str(error))
    for page, text in found.items():
        if command == "refresh":
            write_atomically(page, text)
        print(relative(page))
    if command == "check" and found:
        sys.exit("these pages do not say what the result files say; `make refresh`")


if __name__ == "__main__":
    main()
