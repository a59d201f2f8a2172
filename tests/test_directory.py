import json
from pathlib import Path
from typing import Any

import pytest
from throwaway import IMPORT_RAISES, write_distribution

import segzoo
from segzoo.host import directory, registry, sources
from segzoo.host.descriptors import is_name
from segzoo.host.discovery import NAMESPACE, SHIPPED, normalise

OCR = {
    "distribution": "segzoo-ocr",
    "summary": "Object context",
    "homepage": "https://example.org",
    "decoders": ["ocr"],
}
KIT = {**OCR, "distribution": "kit", "decoders": ["ocr", "mine"], "encoders": ["tiny"], "necks": ["bend"]}


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundled directory of two distributions that both provide a decoder `ocr`."""
    path = tmp_path / "directory.json"
    path.write_text(json.dumps({"format": 1, "plugins": [OCR, KIT]}))
    monkeypatch.setattr(directory, "BUNDLED", path)


def complaint(entry: Any) -> str | None:
    """What is wrong with an entry of the directory; None if nothing is."""
    texts = ("distribution", "summary", "homepage")
    if not isinstance(entry, dict) or not set(texts) <= entry.keys() <= {*texts, *directory.KINDS}:
        return f"an entry has {', '.join(texts)} and any of {', '.join(directory.KINDS)}"
    for text in texts:
        if not isinstance(entry[text], str) or not entry[text].strip() or "\n" in entry[text]:
            return f"{text} must be one line of text"
    for kind in directory.KINDS:
        names = entry.get(kind, [])
        if not isinstance(names, list) or not all(isinstance(name, str) and is_name(name) for name in names):
            return f"{kind} must be a list of names"
    if not any(entry.get(kind) for kind in directory.KINDS):
        return "it must provide something"
    if not entry["homepage"].startswith("https://"):
        return "homepage must be an https address"
    distribution = entry["distribution"]
    if distribution != normalise(distribution) or not is_name(distribution):
        return f"distribution must be a normalised name, such as {normalise(distribution)!r}"
    return "it is no plugin's" if distribution in (SHIPPED, NAMESPACE) else None


def test_the_directory_that_ships_is_valid() -> None:
    content = json.loads(directory.BUNDLED.read_text())
    assert content.keys() == {"format", "plugins"}
    assert content["format"] == 1
    distributions = [entry["distribution"] for entry in content["plugins"]]
    assert [complaint(entry) for entry in content["plugins"]] == [None] * len(distributions)
    assert len(set(distributions)) == len(distributions)
    assert [listing.distribution for listing in directory.listings()] == distributions


def test_the_directory_that_ships_lists_nothing_that_ships() -> None:
    shipped = {found.name for found in registry.decoders().values() if found.shipped}
    assert shipped
    assert not [name for listing in directory.listings() for name in listing.decoders if name in shipped]


@pytest.mark.usefixtures("listed")
def test_a_listing_says_what_a_distribution_provides() -> None:
    _, listing = directory.listings()
    assert (listing.distribution, listing.decoders, listing.encoders) == ("kit", ("ocr", "mine"), ("tiny",))
    assert (listing.necks, listing.importers) == (("bend",), ())


@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize(
    ("name", "distributions"), [("ocr", ["segzoo-ocr", "kit"]), ("TINY", ["kit"]), ("bend", ["kit"]), ("no", [])]
)
def test_a_name_leads_to_the_distributions_that_provide_it(name: str, distributions: list[str]) -> None:
    assert [listing.distribution for listing in directory.providers(name)] == distributions


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("segzoo-ocr", "an entry has distribution, summary, homepage"),
        ({"distribution": "segzoo-ocr"}, "an entry has distribution, summary, homepage"),
        ({**OCR, "losses": ["dice"]}, "any of decoders, encoders, necks, importers"),
        ({**OCR, "summary": ""}, "summary must be one line"),
        ({**OCR, "summary": "a\nb"}, "summary must be one line"),
        ({**OCR, "homepage": 3}, "homepage must be one line"),
        ({**OCR, "homepage": "http://example.org"}, "homepage must be an https address"),
        ({**OCR, "decoders": "ocr"}, "decoders must be a list of names"),
        ({**OCR, "decoders": ["o c r"]}, "decoders must be a list of names"),
        ({**OCR, "decoders": [3]}, "decoders must be a list of names"),
        ({**OCR, "decoders": []}, "must provide something"),
        ({**OCR, "distribution": "Segzoo_OCR"}, "normalised name, such as 'segzoo-ocr'"),
        ({**OCR, "distribution": "--index-url"}, "distribution must be a normalised name"),
        ({**OCR, "distribution": "segzoo-torch"}, "it is no plugin's"),
        ({**OCR, "distribution": "segzoo"}, "it is no plugin's"),
    ],
)
def test_an_entry_that_is_not_valid_would_be_found(entry: Any, reason: str) -> None:
    assert reason in str(complaint(entry))


@pytest.mark.parametrize("entry", [OCR, KIT])
def test_an_entry_that_is_valid_has_no_complaint(entry: Any) -> None:
    assert complaint(entry) is None


@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize(
    ("find", "name", "hint"),
    [
        (registry.find_decoder, "mine", "`segzoo install kit` would get it (Object context)"),
        (registry.find_decoder, "ocr", "`segzoo install segzoo-ocr` would get it"),
        (sources.find_encoder, "tiny", "`segzoo install kit` would get it"),
        (registry.find_neck, "bend", "`segzoo install kit` would get it"),
    ],
)
def test_an_unknown_name_that_the_directory_knows_says_what_to_install(find: Any, name: str, hint: str) -> None:
    with pytest.raises(segzoo.UnknownNameError) as raised:
        find(name)
    assert hint in str(raised.value)


@pytest.mark.usefixtures("listed")
@pytest.mark.filterwarnings("ignore::segzoo.host.discovery.PluginWarning")
def test_what_is_installed_and_broken_needs_no_installing(path: Path) -> None:
    write_distribution(path, "kit", IMPORT_RAISES)
    with pytest.raises(segzoo.UnknownNameError) as raised:
        registry.find_decoder("mine")
    assert "install" not in str(raised.value)
    assert "kit:kit (broken: RuntimeError: no GPU today)" in str(raised.value)
