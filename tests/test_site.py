"""The built book, in a browser: nothing is broken, nothing comes from the network, everybody can read it."""

import html.parser
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
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SCREENSHOTS = ROOT / "_screenshots"  # ignored by git
WIDTHS = {"desk": 1280, "phone": 390}
HEAVIEST = 3_000_000  # bytes of a page with all that it loads
ARTICLE = "article.bd-article"

pytestmark = pytest.mark.slow
needs_browser = pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed (Debian package chromium)")


class Page(html.parser.HTMLParser):
    """The parts of a built page that the tests look at."""

    def __init__(self, path: Path):
        super().__init__()
        self.language, self.loaded, self.links, self.anchors, self.article, self._inside = None, [], [], set(), [], 0
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
        self.anchors |= {attributes[key] for key in ("id", "name") if attributes.get(key)}
        self._inside += tag == "article"

    def handle_endtag(self, tag):
        self._inside -= tag == "article"

    def handle_data(self, data):
        if self._inside:
            self.article.append(data)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The book, built from the committed notebooks with every warning an error."""
    folder = tmp_path_factory.mktemp("site")
    command = Path(sys.executable).with_name("jupyter-book")
    arguments = ["build", BOOK, "--path-output", folder, "-W", "-n", "--keep-going"]
    build = subprocess.run([command, *arguments], capture_output=True, text=True)
    assert build.returncode == 0, build.stdout[-3000:] + build.stderr[-3000:]
    return folder / "_build" / "html"


@pytest.mark.parametrize("name", PAGES)
def test_built_page_is_whole(site, name):
    page = Page(site / f"{name}.html")
    assert page.language == "en"
    assert "output traceback" not in page.text
    assert "system-message" not in page.text
    assert "??" not in "".join(page.article)


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
        browser = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, site) -> Iterator:
    """visit(name, width, scheme, fragment): a page of the book."""
    contexts = []

    def go(name: str, width: int = 1280, scheme: str = "light", fragment: str = "") -> Visit:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
        contexts.append(context)
        return Visit(context.new_page(), site / f"{name}.html", fragment)

    yield go
    for context in contexts:
        context.close()


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_page_in_a_browser(name, device, scheme, visit):
    from axe_playwright_python.sync_playwright import Axe

    seen = visit(name, WIDTHS[device], scheme)
    tab = seen.tab
    SCREENSHOTS.mkdir(exist_ok=True)
    tab.screenshot(path=SCREENSHOTS / f"{name}-{device}-{scheme}.png", full_page=True)
    assert seen.errors == []
    assert [url for url in seen.requests if not url.startswith(("file:", "data:"))] == []
    assert seen.bytes < HEAVIEST
    found = Axe().run(tab, context=ARTICLE)
    assert [
        f"{each['id']}: {node['html'][:200]}" for each in found.response["violations"] for node in each["nodes"]
    ] == []
    assert tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "it scrolls sideways"
    lacking = tab.eval_on_selector_all(f"{ARTICLE} img", "(all) => all.filter((i) => !i.alt.trim()).map((i) => i.src)")
    assert lacking == []
    if 'class="math' in (tab.content()):
        assert tab.locator("mjx-container").count() > 0, "MathJax drew nothing"
    assert tab.locator("[data-mjx-error]").count() == 0, "a formula MathJax cannot read"
    assert tab.locator('mjx-container [mathcolor="red"]').count() == 0, "a command MathJax does not know"


# The explorer


def shown(tab) -> tuple[list[float], str, list[int]]:
    """S in the fields, the parameters of the network, and how many edges hold each operation."""
    S = [float(tab.locator(f".explorer input[name=S{m}]").input_value()) for m in range(3)]
    counts = [int(tab.locator(f".explorer [data-count='{m}']").inner_text()) for m in range(3)]
    return S, tab.locator(".explorer [data-value=totalParameters]").inner_text(), counts


@needs_browser
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


@needs_browser
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


@needs_browser
def test_explorer_walks_and_keeps_to_a_budget(visit):
    tab = visit("explorer", fragment="#S=0.30,0.70,0.00").tab
    walk, counts = tab.locator(".explorer input[name=walk]"), []
    for value in (0.0, 0.2, 0.4, 0.6, 1.0):
        walk.fill(str(value))
        counts.append(shown(tab)[2][2])
    assert counts == sorted(counts, reverse=True) and counts[0] > counts[-1] == 0
    assert tab.locator(".explorer .point.over").count() == 0
    tab.locator(".explorer input[data-of=edgeParameters]").fill("30000")
    over = tab.locator(".explorer .triangle .point.over").count()
    assert 0 < over < 231 and tab.locator(".explorer [data-member][disabled]").count() > 0


@needs_browser
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
