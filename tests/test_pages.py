"""The Markdown files as a code host shows them: links lead to files that are kept, and to headings that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GENERATED = ("docs/encoders.md", "docs/gallery")
"""What the site's build writes, and `.gitignore` has."""
FILES = [
    file.relative_to(ROOT).as_posix()
    for place in (".", "docs", "docs/api", "benchmarks", "examples")
    for file in (ROOT / place).glob("*.md")
]
PAGES = sorted(name for name in FILES if not name.startswith(GENERATED))
LINK = re.compile(r"(?<!`)\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(`{3,}|~{3,}).*?^\1", re.DOTALL | re.MULTILINE)


def prose(page):
    return FENCE.sub("", (ROOT / page).read_text())


def anchors(page):
    """Of the headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_each_link_leads_to_a_kept_file_and_to_a_heading_of_it(page):
    broken = []
    for link in LINK.findall(prose(page)):
        if re.match(r"\w+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = ((ROOT / page).parent / path).resolve().relative_to(ROOT).as_posix() if path else page
        there = (ROOT / target).is_dir() if path.endswith("/") else (ROOT / target).is_file()
        kept = there and not target.startswith(GENERATED)
        if not kept or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_the_table_of_contents_has_every_page_of_docs():
    contents = (ROOT / "docs" / "index.md").read_text()
    pages = {Path(page).stem for page in PAGES if Path(page).parent == Path("docs")} - {"index"}
    assert {page for page in pages if not re.search(rf"^{page}$", contents, re.MULTILINE)} == set()
