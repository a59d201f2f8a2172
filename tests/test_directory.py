import json
from pathlib import Path
from typing import Any

import pytest
from throwaway import IMPORT_RAISES, write_distribution

import segzoo
from segzoo.host import directory, registry, sources

OCR = {
    "distribution": "segzoo-ocr",
    "summary": "Object context",
    "homepage": "https://example.org",
    "decoders": ["ocr"],
}
KIT = {**OCR, "distribution": "kit", "decoders": ["ocr", "mine"], "encoders": ["tiny"], "necks": ["bend"]}


def write(path: Path, *entries: object, **changes: object) -> Path:
    path.write_text(json.dumps({"format": 1, "plugins": list(entries), **changes}))
    return path


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundled directory of two distributions that both provide a decoder `ocr`."""
    monkeypatch.setattr(directory, "BUNDLED", write(tmp_path / "directory.json", OCR, KIT))


def test_the_directory_that_ships_is_valid() -> None:
    assert isinstance(directory.listings(), tuple)


def test_the_directory_that_ships_lists_nothing_that_ships() -> None:
    shipped = {found.name for found in registry.decoders().values() if found.shipped}
    assert shipped
    assert not [name for listing in directory.listings() for name in listing.decoders if name in shipped]


def test_a_listing_says_what_a_distribution_provides(tmp_path: Path) -> None:
    (listing,) = directory.listings(write(tmp_path / "d.json", KIT))
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
        ({**OCR, "distribution": "segzoo"}, "needs no listing"),
    ],
)
def test_an_entry_that_is_not_valid_is_quoted(tmp_path: Path, entry: Any, reason: str) -> None:
    with pytest.raises(segzoo.PluginError, match=reason) as raised:
        directory.listings(write(tmp_path / "d.json", entry))
    assert repr(entry) in str(raised.value)


def test_a_distribution_is_listed_once(tmp_path: Path) -> None:
    with pytest.raises(segzoo.PluginError, match="lists 'segzoo-ocr' twice"):
        directory.listings(write(tmp_path / "d.json", OCR, OCR))


@pytest.mark.parametrize("changes", [{"format": 2}, {"more": 1}, {"plugins": {}}])
def test_a_directory_of_another_form_is_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(segzoo.PluginError, match="the plugin directory"):
        directory.listings(write(tmp_path / "d.json", **changes))


@pytest.mark.parametrize("text", ["[]", "{", ""])
def test_what_is_no_directory_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "d.json").write_text(text)
    with pytest.raises(segzoo.PluginError, match="the plugin directory"):
        directory.listings(tmp_path / "d.json")


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
