"""Sphinx extension of this book: the logo; and where a published site
comes from.

The workflow that publishes the site says so in two variables:
BOOK_REPOSITORY, such as https://github.com/someone/simplexnas, gives the
pages their buttons for Binder, Colab, the source and issues; BOOK_ADDRESS,
where the site will be, gives absolute addresses to what has to have them.
A book that is built elsewhere has neither, and names no host.
"""

import os

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

BUTTONS = {
    "use_repository_button": True,
    "use_edit_page_button": True,
    "use_issues_button": True,
    "launch_buttons": {
        "notebook_interface": "jupyterlab",
        "binderhub_url": "https://mybinder.org",
        "colab_url": "https://colab.research.google.com",
    },
}
COLAB = """<details class="colab"><summary>Run this page in Colab</summary>
<p>Binder has everything ready. In Colab, run this in a cell of its own first,
then restart the session:</p>
<pre>!git clone --depth 1 {repository}
%pip install --editable ./{name}</pre></details>"""


def configure(app: Sphinx, config: Config) -> None:
    options = config.html_theme_options
    # Beside the name of the site the picture says nothing.
    options["logo"] = {"text": config.html_title, "alt_text": ""}
    if repository := os.environ.get("BOOK_REPOSITORY"):
        options |= {"repository_url": repository} | BUTTONS
    if address := os.environ.get("BOOK_ADDRESS"):
        config.html_baseurl = address.rstrip("/") + "/"


def link_scripts(
    app: Sphinx, page: str, template: str, context: dict, doctree
) -> None:
    """Who edits a chapter edits its script."""
    if "kernelspec" in app.env.metadata.get(page, {}):
        for group in context["header_buttons"]:
            for button in group.get("buttons", ()):
                if button.get("label") == "source-edit-button":
                    address = button["url"].removesuffix(".ipynb")
                    button["url"] = f"{address}.py"


def add_colab(app: Sphinx, doctree: nodes.document, page: str) -> None:
    repository = app.config.html_theme_options.get("repository_url")
    if repository and "kernelspec" in app.env.metadata[page]:
        name = repository.rstrip("/").rpartition("/")[2]
        text = COLAB.format(repository=repository, name=name)
        doctree[-1].append(nodes.raw("", text, format="html"))


def setup(app: Sphinx) -> dict:
    app.connect("config-inited", configure)
    app.connect("doctree-resolved", add_colab)
    app.connect("html-page-context", link_scripts, priority=900)
    return {
        "version": "1",
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
