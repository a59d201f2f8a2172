"""Configures the site for Sphinx: `sphinx-build -W -c docs/site . build/site`.

The source is the whole repository, so that a page of the site stands where its Markdown file stands, and a link between
two files works on the site as it does on a code host. `docs/index.md` has the table of contents.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent)]  # the generators of pages

import encoder_table  # noqa: E402
import gallery  # noqa: E402

import segzoo  # noqa: E402

project = "segzoo"
author = "The segzoo developers"
release = version = segzoo.__version__

root_doc = "docs/index"
include_patterns = ["README.md", "CHANGELOG.md", "benchmarks/README.md", "examples/README.md"]
include_patterns += ["docs/*.md", "docs/api/*.md", "docs/gallery/*.md"]
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
myst_heading_anchors = 4
default_role = "py:obj"  # docstrings have `name` for code, which is a link where the name is documented
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_display_short_literal_types = True
python_maximum_signature_line_length = 100

html_theme = "furo"  # nothing else depends on it
html_title = "segzoo"
html_favicon = "static/favicon.svg"
html_static_path = ["static"]
html_extra_path = ["root"]  # an index.html that leads to docs/
html_show_sourcelink = html_copy_source = html_show_copyright = False


def write_pages(app: Sphinx) -> None:
    """Write the generated pages, those that have changed."""
    for path, text in {**gallery.pages(), **encoder_table.pages()}.items():
        file = ROOT / "docs" / path
        if not file.exists() or file.read_text() != text:
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)


class FolderLinks(SphinxTransform):
    """A link to a folder of the repository, such as `plugins/`, leads somewhere on a code host, and is text here."""

    default_priority = 500  # any before links are resolved

    def apply(self, **options: object) -> None:
        here = Path(self.env.doc2path(self.env.docname)).parent
        for link in list(self.document.findall(pending_xref)):
            if link["reftype"] == "myst" and link["reftarget"].endswith("/") and (here / link["reftarget"]).is_dir():
                link.replace_self(link.children)


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.add_transform(FolderLinks)
    app.connect("builder-inited", write_pages)
