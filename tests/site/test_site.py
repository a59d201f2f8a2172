"""The built site: every page is reached, every link leads somewhere, and the search finds what is there."""

import json
import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from sphinx.util.inventory import InventoryFile

import segzoo
from segzoo.host import registry

pytestmark = pytest.mark.slow
DECODERS = [each.descriptor for each in registry.decoders().values() if each.shipped]


class Page(HTMLParser):
    """What a page links to, what can be linked to in it, and its pictures without words."""

    def __init__(self, file):
        super().__init__()
        self.links, self.ids, self.silent = [], set(), []
        self.feed(file.read_text())

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.ids |= {found[name] for name in ("id", "name") if found.get(name)}
        self.links += [found[name] for name in ("href", "src") if found.get(name)]
        if tag == "img" and not found.get("alt"):
            self.silent.append(found.get("src"))


@cache
def pages(site):
    return {file: Page(file) for file in site.rglob("*.html") if "_modules" not in file.parts}


@cache
def index(site):
    (written,) = re.findall(r"Search\.setIndex\((.*)\)", (site / "searchindex.js").read_text(), re.DOTALL)
    return json.loads(written)


def found_by(site, query):
    """The pages that the search shows first: a title or an entry of the index has the query in it, and little else."""
    known, query = index(site), query.lower()
    places = [*known["alltitles"].items(), *known["indexentries"].items()]
    hits = [where for text, where in places if query in text.lower() and 2 * len(query) >= len(text)]
    return {known["docnames"][page] for where in hits for page, *_ in where}


def test_every_link_within_the_site_leads_somewhere(site):
    broken = []
    for file, page in pages(site).items():
        for link in page.links:
            scheme, host, path, _, fragment = urlsplit(link)
            if scheme or host:
                continue
            target = (file.parent / unquote(path)).resolve() if path else file
            if not target.exists() or (fragment and target in pages(site) and fragment not in pages(site)[target].ids):
                broken.append(f"{file.relative_to(site)}: {link}")
    assert broken == []


def test_every_picture_has_words(site):
    assert {str(file.relative_to(site)): page.silent for file, page in pages(site).items() if page.silent} == {}


@pytest.mark.parametrize("decoder", DECODERS, ids=lambda each: each.name)
def test_the_search_finds_a_decoder_by_its_name_and_by_its_paper(site, decoder):
    page = f"docs/gallery/{decoder.name}"
    assert page in found_by(site, decoder.name)
    assert page in found_by(site, decoder.paper)
    assert page in found_by(site, decoder.paper.partition(":")[2])


def test_each_public_name_is_in_the_reference(site):
    with (site / "objects.inv").open("rb") as file:
        inventory = InventoryFile.load(file, "", lambda base, uri: uri)
    known = {name for kind, names in inventory.items() if kind.startswith("py:") for name in names}
    assert {f"segzoo.{name}" for name in segzoo.__all__} - known == set()


def test_the_root_leads_to_the_front_page(site):
    (link,) = (link for link in Page(site / "index.html").links)
    assert (site / link) == site / "docs" / "index.html"
    assert (site / link).exists()


def test_every_encoder_is_in_the_table(site):
    page = Path(site / "docs" / "encoders.html").read_text()
    assert [name for name in ("resnet18", "mit_b0", "vit_tiny_patch16_224") if f"<code>{name}</code>" not in page] == []
