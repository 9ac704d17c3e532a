"""The built book, in a browser: nothing is broken, nothing comes from the network, everybody can read it."""

import html
import html.parser
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from simplexnas import notebooks
from simplexnas.io.paths import BOOK, ROOT
from simplexnas.methods import penalties
from simplexnas.report.paper import PAPER

PAGES = notebooks.pages()
TITLE = "A simplex of architectures"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SCREENSHOTS = ROOT / "_screenshots"  # ignored by git
WIDTHS = {"desk": 1280, "phone": 390}
# Axe's options for a width and a scheme: all rules where both differ, and of the rest those that depend on either.
OF_COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"]}
AXE = {
    ("desk", "light"): {},
    ("desk", "dark"): OF_COLOURS,
    ("phone", "light"): OF_COLOURS,
    ("phone", "dark"): {},
}
SHEET = 688  # CSS pixels between the margins of a printed page
HEAVIEST = 3_000_000  # bytes of a page with all that it loads
LONGEST = 8  # screens of 900 pixels of a page on a desk
ARTICLE = "article.bd-article"
WORD = f"{ARTICLE} a.word"  # of the glossary

pytestmark = pytest.mark.slow


class Page(html.parser.HTMLParser):
    """The parts of a built page that the tests look at."""

    def __init__(self, path: Path):
        super().__init__()
        self.language, self.loaded, self.links, self.anchors, self.article, self._inside = None, [], [], set(), [], 0
        self.meta, self.titles, self.words, self.undescribed, self._in_title = {}, [], [], [], False
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "html":
            self.language = attributes.get("lang")
        if tag == "a":
            self.links += [attributes["href"]] if attributes.get("href") else []
        else:  # what the browser fetches by itself, unlike a link
            self.loaded += [attributes[key] for key in ("src", "href", "data") if attributes.get(key)]
        if tag == "meta" and (name := attributes.get("property") or attributes.get("name")):
            self.meta.setdefault(name, []).append(attributes["content"])
        if tag == "a" and attributes.get("class") == "word":
            self.words.append((unquote(urlsplit(attributes["href"]).fragment), attributes["data-definition"]))
        if tag == "img" and self._inside and not (attributes.get("alt") or "").strip():
            self.undescribed.append(attributes["src"])
        self.anchors |= {attributes[key] for key in ("id", "name") if attributes.get(key)}
        self._inside += tag == "article"
        self._in_title = tag == "title"

    def handle_endtag(self, tag):
        self._inside -= tag == "article"
        self._in_title = False

    def handle_data(self, data):
        if self._inside:
            self.article.append(data)
        if self._in_title:
            self.titles.append(data)


def build(book: Path, folder: Path, *options: str, **variables: str) -> Path:
    """The folder of the built pages. Where they are published, only the given variables say."""
    command = Path(sys.executable).with_name("jupyter-book")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BOOK_")} | variables
    arguments = [command, "build", book, "--path-output", folder, *options]
    done = subprocess.run(arguments, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder / "_build" / "html"


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The book, built from the committed notebooks with every warning an error."""
    return build(BOOK, tmp_path_factory.mktemp("site"), "-W", "-n", "--keep-going")


@pytest.mark.parametrize("name", PAGES)
def test_built_page_is_whole(site, name):
    page = Page(site / f"{name}.html")
    assert page.language == "en"
    assert "output traceback" not in page.text
    assert "system-message" not in page.text
    assert "??" not in "".join(page.article)
    assert page.undescribed == [], "images without an alternative text"


def test_every_page_says_what_it_is(site):
    """To browsers, search engines and programs that show a link; also the index, which leads to the front page."""
    described = {}
    for path in sorted(site.glob("*.html")):
        page = Page(path)
        assert page.language == "en", path.name
        assert len(page.titles) == 1 and page.titles[0].count(TITLE) == 1, (path.name, page.titles)
        said = {name: values for name, values in page.meta.items() if name == "description" or name.startswith("og:")}
        assert set(said) == {
            "description",
            *(f"og:{x}" for x in ("title", "description", "type", "site_name", "image")),
        }
        assert all(len(values) == 1 for values in said.values()), (path.name, said)
        described[path.stem] = said["description"][0]
        assert 30 < len(described[path.stem]) <= 200, (path.name, described[path.stem])
        assert said["og:description"] == said["description"] and page.titles[0].startswith(said["og:title"][0])
        assert said["og:type"] == ["website" if path.stem in ("index", PAGES[0]) else "article"]
        image = site / said["og:image"][0]
        assert image.read_bytes().startswith(b"\x89PNG") and image.stat().st_size < 100_000
    assert described.pop("index") == described[PAGES[0]]
    assert len({*described.values()}) == len(described), "two pages are described alike"


def test_words_of_the_glossary_are_links_with_their_definitions(site):
    """Each at most once on a page. That the links are alive is tested with all others."""
    known = Page(site / "notation.html").anchors
    marked = {name: Page(site / f"{name}.html").words for name in PAGES}
    assert marked["notation"] == []
    assert sum(bool(words) for words in marked.values()) > len(PAGES) / 2
    for name, words in marked.items():
        anchors = [anchor for anchor, _ in words]
        assert len({*anchors}) == len(anchors) and {*anchors} <= known, name
    definitions = dict(word for words in marked.values() for word in words)
    assert definitions["term-family"] == "The networks that one training gives, one for each S."
    assert "term-member" in definitions and all(map(str.strip, definitions.values()))


def test_works_are_cited_as_they_are_listed(site):
    text = (site / "bibliography.html").read_text(encoding="utf-8")
    listed = re.findall(r'<div class="citation" id="(\w+)"[^>]*>\s*<span class="label">(.*?)</span>\n', text)
    labels = {anchor: re.sub("<.*?>", "", label).strip("[]") for anchor, label in listed}
    assert len(labels) == len({*labels.values()}) == (BOOK / "references.bib").read_text("utf-8").count("\n@")
    assert labels and all(", " in label and "n.d." not in label for label in labels.values())
    cited = 0
    for name in PAGES:
        text = (site / f"{name}.html").read_text(encoding="utf-8")
        for anchor, label in re.findall(r'href="(?:bibliography\.html)?#(\w+)" title="[^"]*">(.*?)</a>', text):
            if anchor in labels:
                assert html.unescape(label) == labels[anchor], name
                cited += 1
        assert not re.search(r'\([^()<]*<span class="bibtex-citation"[^>]*>\[', text), f"{name}: two pairs of brackets"
    assert cited > 25


def test_built_pages_name_no_host_of_their_own(site):
    """A book that is not published by the workflow does not know where it comes from."""
    for path in sorted(site.glob("*.html")):
        text = path.read_text(encoding="utf-8")
        for sign in ("mybinder", "colab", "source-edit-button", "canonical", "og:url"):
            assert sign not in text, f"{path.name}: {sign}"


def test_published_pages_have_buttons(tmp_path):
    """A small book of a page and a chapter, built as the workflow builds it."""
    book, repository = tmp_path / "book", "https://github.com/someone/a-book"
    shutil.copytree(BOOK, book, ignore=shutil.ignore_patterns("_build", "*.md", "*.ipynb", ".*", "__pycache__"))
    (book / "_toc.yml").write_text("format: jb-book\nroot: front\nchapters:\n  - file: chapter\n")
    (book / "front.md").write_text("# A page\n\nThe first page of a book that is there for a test alone.\n")
    kernel = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}
    cell = {
        "cell_type": "markdown",
        "metadata": {},
        "source": "# A chapter\n\nA second page, with a kernel.",
        "id": "a",
    }
    chapter = {"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (book / "chapter.ipynb").write_text(json.dumps(chapter))
    site = build(book, tmp_path, BOOK_REPOSITORY=repository, BOOK_ADDRESS="https://someone.github.io/a-book")
    front, chapter = Page(site / "front.html"), Page(site / "chapter.html")
    assert f"{repository}/edit/main/book/front.md" in front.links
    assert not [link for link in front.links if "mybinder" in link or "colab" in link]
    assert f"{repository}/edit/main/book/chapter.py" in chapter.links
    assert [link for link in chapter.links if link.startswith(f"{repository}/issues/new?title=")]
    assert "https://mybinder.org/v2/gh/someone/a-book/main?urlpath=lab/tree/book/chapter.ipynb" in chapter.links
    colab = "https://colab.research.google.com/github/someone/a-book/blob/main/book/chapter.ipynb"
    assert colab in chapter.links and f"git clone --depth 1 {repository}" in "".join(chapter.article)
    assert chapter.meta["og:image"] == ["https://someone.github.io/a-book/_static/preview.png"]
    assert chapter.meta["og:url"] == ["https://someone.github.io/a-book/chapter.html"]


def test_built_pages_load_nothing_from_the_network(site):
    pages = sorted(site.glob("*.html"))
    assert len(pages) > len(PAGES)
    for page in pages:
        assert not [url for url in Page(page).loaded if re.match(r"(https?:)?//", url)], page.name
    for style in site.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", text), style.name
    assert (site / "mathjax" / "tex-chtml-full.js").exists()


def test_internal_links_and_anchors_are_alive(site):
    pages = {path: Page(path) for path in sorted(site.glob("*.html"))}
    checked = 0
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.exists(), f"{path.name}: {link}"
            if parts.fragment and target in pages and not parts.fragment.startswith("S="):
                assert unquote(parts.fragment) in pages[target].anchors, f"{path.name}: {link}"
            checked += 1
    assert checked > 500


# In a browser


class Visit:
    """A page in a tab of a browser, with what went wrong while it loaded."""

    def __init__(self, tab, path: Path, fragment: str = ""):
        self.tab, self.errors, self.requests = tab, [], []
        tab.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        tab.on("pageerror", lambda error: self.errors.append(str(error)))
        tab.on("request", lambda request: self.requests.append(request.url))
        tab.goto(path.as_uri() + fragment, wait_until="load")
        if 'class="math' in path.read_text(encoding="utf-8"):
            tab.wait_for_function("window.MathJax?.startup?.promise?.then(() => true)")

    @property
    def bytes(self) -> int:
        """Of the page and all files that it loaded."""
        return sum(
            Path(unquote(urlsplit(url).path)).stat().st_size for url in {*self.requests} if url.startswith("file:")
        )


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with playwright.sync_playwright() as driver:
        try:  # without the system's browser, with one that `playwright install chromium` has brought
            browser = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        except playwright.Error as error:
            missing = "no Chromium or Chrome: the built pages are not looked at (Debian package chromium)"
            if os.environ.get("BROWSER_REQUIRED"):  # by .github/workflows/ci.yml
                pytest.fail(f"{missing}\n{error}")
            pytest.skip(missing)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, site) -> Iterator:
    """visit(name, width, fragment, **options of a context): a page of the book."""
    contexts = []

    def go(name: str, width: int = 1280, fragment: str = "", **options) -> Visit:
        viewport = {"width": width, "height": 900}
        context = browser.new_context(viewport=viewport, offline=True, reduced_motion="reduce", **options)
        contexts.append(context)
        return Visit(context.new_page(), site / f"{name}.html", fragment)

    yield go
    for context in contexts:
        context.close()


# The theme takes 300 ms after a new width to let a keyboard reach code, tables and results that now scroll.
SCROLLING = "pre, .cell_output > .output, .jp-RenderedHTMLCommon, .pst-scrollable-table-container"
REACHED = f"""() => [...document.querySelector("{ARTICLE}").querySelectorAll("{SCROLLING}")].every(
    (each) => each.tabIndex === 0 || each.scrollWidth <= each.clientWidth && each.scrollHeight <= each.clientHeight
)"""

# Boxes that scroll sideways, but for code and formulas, and are not named.
UNMARKED = """(all) => all.filter((each) => each.scrollWidth > each.clientWidth + 1
    && ["auto", "scroll"].includes(getComputedStyle(each).overflowX)
    && !each.closest("pre, mjx-container, [role=region][aria-label]")).map((each) => each.outerHTML.slice(0, 200))"""


def faults(tab, options: dict) -> list[str]:
    """What axe finds in the article. Of code, where it takes its time, it looks at one word of each colour."""
    from axe_playwright_python.sync_playwright import Axe

    again = """(words) => {
        const seen = new Set();
        for (const word of words) {
            word.toggleAttribute("data-again", seen.has(word.className));
            seen.add(word.className);
        }
    }"""
    tab.eval_on_selector_all(f"{ARTICLE} .highlight span[class]", again)
    context = {"include": [[ARTICLE]], "exclude": [["[data-again]"]]}
    found = Axe().run(tab, context=context, options=options | {"resultTypes": ["violations"], "preload": False})
    return [f"{each['id']}: {node['html'][:200]}" for each in found.response["violations"] for node in each["nodes"]]


@pytest.mark.parametrize("name", PAGES)
def test_page_in_a_browser(name, visit):
    """On a desk and on a phone, in light and in dark, and on paper."""
    seen = visit(name)
    tab = seen.tab
    SCREENSHOTS.mkdir(exist_ok=True)
    for device, width in WIDTHS.items():
        tab.set_viewport_size({"width": width, "height": 900})
        for scheme in ("light", "dark"):
            tab.emulate_media(color_scheme=scheme)
            tab.wait_for_function("(scheme) => document.documentElement.dataset.theme === scheme", arg=scheme)
            tab.screenshot(path=SCREENSHOTS / f"{name}-{device}-{scheme}.png", full_page=True)
            tab.wait_for_function(REACHED)
            assert faults(tab, AXE[device, scheme]) == [], (device, scheme)
        assert tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (
            f"{device}: it scrolls sideways"
        )
        assert tab.eval_on_selector_all(f"{ARTICLE} *", UNMARKED) == [], f"{device}: parts scroll and do not say so"
        if device == "desk":
            screens = tab.locator(ARTICLE).bounding_box()["height"] / 900
            assert screens <= LONGEST, f"{screens:.1f} screens"
    assert seen.errors == []
    assert [url for url in seen.requests if not url.startswith(("file:", "data:"))] == []
    assert seen.bytes < HEAVIEST
    broken = "(all) => all.filter((each) => each.complete && !each.naturalWidth).map((each) => each.src)"
    assert tab.eval_on_selector_all("img", broken) == []
    if 'class="math' in (tab.content()):
        assert tab.locator("mjx-container").count() > 0, "MathJax drew nothing"
    assert tab.locator("[data-mjx-error]").count() == 0, "a formula MathJax cannot read"
    assert tab.locator('mjx-container [mathcolor="red"]').count() == 0, "a command MathJax does not know"
    check_on_paper(tab)


def check_on_paper(tab):
    """Light, though the screen is dark; no sidebars; nothing folded but code, nothing wider than the sheet."""
    tab.emulate_media(media="print", color_scheme="dark")
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.evaluate("document.documentElement.dataset.theme") == "light"
    tab.set_viewport_size({"width": WIDTHS["desk"], "height": 900})  # where the screen has sidebars
    for part in (".bd-sidebar-primary", ".bd-sidebar-secondary", ".bd-header-article", ".prev-next-footer"):
        assert not tab.locator(part).first.is_visible(), part
    tab.set_viewport_size({"width": SHEET, "height": 900})
    shown = "(all) => all.every((each) => each.checkVisibility())"
    assert tab.eval_on_selector_all(f"{ARTICLE} .cell_output", shown), "an output is folded"
    wide = "(all) => all.filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML)"
    assert tab.eval_on_selector_all(f"{ARTICLE} :is(p, pre, table, img, figure)", wide) == []
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    assert tab.evaluate("document.documentElement.dataset.theme") == "dark"


def test_logo_and_favicon_load(visit):
    tab = visit(PAGES[0]).tab
    logo = tab.locator(".bd-sidebar-primary .logo__image:visible")
    assert logo.count() == 1 and logo.evaluate("(image) => image.naturalWidth > 0 && image.src.endsWith('.svg')")
    loads = """(link) => new Promise((done) => {
        const image = new Image();
        image.onload = image.onerror = () => done(image.naturalWidth > 0);
        image.src = link.href;
    })"""
    assert tab.locator("link[rel=icon]").evaluate(loads)


# Words of the glossary


def notes(tab) -> list[str]:
    """The definitions that are to be seen."""
    return tab.locator(f"{ARTICLE} [role=tooltip]:visible").all_inner_texts()


def test_word_of_the_glossary_by_keyboard_and_mouse(visit):
    tab = visit(PAGES[0]).tab
    word = tab.locator(WORD).first
    says = word.get_attribute("data-definition")
    assert notes(tab) == []
    for _ in range(200):
        tab.keyboard.press("Tab")
        if notes(tab):
            break
    assert notes(tab) == [says] and word.evaluate("(word) => document.activeElement === word")
    assert tab.locator(f"#{word.get_attribute('aria-describedby')}").inner_text() == says
    tab.keyboard.press("Escape")
    assert notes(tab) == []
    word.blur()
    word.focus()
    assert notes(tab) == [says]
    word.blur()
    assert notes(tab) == []
    word.hover()
    assert notes(tab) == [says]
    tab.locator(f"{ARTICLE} [role=tooltip]:visible").hover()  # it stays while it is read
    tab.wait_for_timeout(300)
    assert notes(tab) == [says]
    tab.mouse.move(5, 5)
    tab.wait_for_timeout(300)
    assert notes(tab) == []


def test_word_of_the_glossary_by_touch_and_without_scripts(visit):
    tab = visit(PAGES[0], width=320, has_touch=True).tab
    word = tab.locator(WORD).last
    address, link = tab.url, word.get_attribute("href")
    word.tap()
    assert notes(tab) == [word.get_attribute("data-definition")] and tab.url == address
    box = tab.locator(f"{ARTICLE} [role=tooltip]:visible").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 320
    word.tap()
    tab.wait_for_url(f"**/{link}")
    tab = visit(PAGES[0], java_script_enabled=False).tab
    tab.locator(WORD).first.click()
    assert "/notation.html#term-" in tab.url


# The explorer


def shown(tab) -> tuple[list[float], str, list[int]]:
    """S in the fields, the parameters of the network, and how many edges hold each operation."""
    S = [float(tab.locator(f".explorer input[name=S{m}]").input_value()) for m in range(3)]
    counts = [int(tab.locator(f".explorer [data-count='{m}']").inner_text()) for m in range(3)]
    return S, tab.locator(".explorer [data-value=totalParameters]").inner_text(), counts


def test_explorer_by_address_and_buttons(visit):
    tab = visit("explorer", fragment="#S=0.15,0.15,0.70").tab
    at_B = shown(tab)
    assert at_B[0] == [0.15, 0.15, 0.7] and sum(at_B[2]) == 28
    assert tab.locator(".explorer button", has_text="B").first.get_attribute("aria-pressed") == "true"
    for name, (S, *_) in PAPER.items():
        tab.locator(f".explorer button:text-is('{name}')").click()
        assert shown(tab)[0] == pytest.approx(S, abs=0.011)
        assert tab.evaluate("location.hash") == "#S=" + ",".join(
            f"{x:.2f}" for x in penalties.parse(S, ("a", "b", "c"))
        )
    tab.evaluate("location.hash = '#S=0.15,0.15,0.7'")
    tab.wait_for_timeout(100)
    assert shown(tab) == at_B
    tab.evaluate("location.hash = '#S=2,0,0'")
    tab.wait_for_timeout(100)
    assert shown(tab) == at_B, "a bad address changes nothing"


def test_explorer_by_mouse_and_keyboard(visit):
    tab = visit("explorer").tab
    triangle = tab.locator(".explorer svg.triangle")
    box, start = triangle.bounding_box(), shown(tab)
    tab.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.6)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.8, steps=4)
    tab.mouse.up()
    dragged = shown(tab)
    assert dragged != start and dragged[0][1] > 0.5 and sum(dragged[0]) == pytest.approx(1)
    tab.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.2)
    assert shown(tab) == dragged, "it moves only while the button is down"
    tab.locator(".explorer .handle").focus()
    tab.keyboard.press("ArrowRight")
    S = shown(tab)[0]
    assert (S[1], S[2]) == pytest.approx((dragged[0][1] - 0.01, dragged[0][2] + 0.01))
    tab.keyboard.press("ArrowUp")
    assert shown(tab)[0][0] == pytest.approx(S[0] + 0.02)
    tab.locator(".explorer input[name=S0]").fill("0.9")
    assert tab.locator(".explorer [data-value=refusal]").inner_text() and shown(tab)[0][0] == 0.9
    tab.wait_for_timeout(500)
    assert "parameters" in tab.locator(".explorer [aria-live]").inner_text()


def test_explorer_walks_and_keeps_to_a_budget(visit):
    tab = visit("explorer", fragment="#S=0.30,0.70,0.00").tab
    walk, counts = tab.locator(".explorer input[name=walk]"), []
    for value in (0.0, 0.2, 0.4, 0.6, 1.0):
        walk.fill(str(value))
        counts.append(shown(tab)[2][2])
    assert counts == sorted(counts, reverse=True) and counts[0] > counts[-1] == 0
    assert tab.locator(".explorer .point.over").count() == 0
    command = tab.locator(".explorer [data-command=select]")
    assert not command.is_visible(), "no limit is set"
    tab.locator(".explorer input[data-of=edgeParameters]").fill("30000")
    assert command.is_visible() and command.inner_text() == "simplexnas select --max-edge-parameters 30000"
    assert "simplexnas export --S " in tab.locator(".explorer .commands").first.inner_text()
    over = tab.locator(".explorer .triangle .point.over").count()
    assert 0 < over < 231 and tab.locator(".explorer [data-member][disabled]").count() > 0


def test_explorer_fits_the_smallest_phone_and_works_without_scripts(browser, site):
    context = browser.new_context(viewport={"width": 320, "height": 640}, java_script_enabled=False, offline=True)
    tab = context.new_page()
    tab.goto((site / "explorer.html").as_uri())
    assert tab.locator(".explorer .only-static table").is_visible()
    assert not tab.locator(".explorer input[name=S0]").is_visible()
    context.close()
    context = browser.new_context(viewport={"width": 320, "height": 640}, offline=True)
    tab = context.new_page()
    tab.goto((site / "explorer.html").as_uri())
    assert not tab.locator(".explorer .only-static").first.is_visible()
    assert tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    context.close()
