"""What the tests of the book's pages share."""

from collections.abc import Iterable

from simplexnas.io.paths import BOOK


def source(page: str) -> str:
    """The source of a page, a script or Markdown."""
    (path,) = [path for suffix in (".py", ".md") if (path := BOOK / f"{page}{suffix}").exists()]
    return path.read_text(encoding="utf-8")


def prose(page: str) -> str:
    """The source in one line, so that a sentence is found wherever it breaks."""
    return " ".join(source(page).replace("\n# ", " ").split())


def unsaid(numbers: Iterable[str], page: str) -> set[str]:
    """The names of numbers that do not stand on the page."""
    text = source(page)
    return {name for name in numbers if f"<!--={name}-->" not in text}
