"""The generated pages are as their generators would write them now."""

import runpy
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"


def test_the_page_of_decoders_is_up_to_date():
    assert (DOCS / "decoders.md").read_text() == runpy.run_path(str(DOCS / "decoders.py"))["page"]()
