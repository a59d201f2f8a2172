"""Documents and their entries: what is read, and what is left out with which reason."""

import re
from datetime import date
from typing import Any

import pytest
from installed import ROOT
from listed import KIT, OCR, write_document

import segzoo
from segzoo.directory import document, read_directory
from segzoo.directory.listing import read_listing
from segzoo.host import registry

CHECKED = {
    "date": "2026-11-27",
    "versions": {"segzoo-ocr": "1.2", "segzoo-torch": "0.1.0", "torch": "2.9.0+cpu"},
    "findings": {"decoder ocr": {"passed": ["sizes"], "failed": {"onnx": "no operator"}, "skipped": {}}},
}


def test_the_copy_that_ships_is_whole() -> None:
    assert document.shipped().left_out == ()


def test_the_entry_on_the_page_is_valid() -> None:
    (entry,) = re.findall(r"```json\n(.*?)```", (ROOT / "docs" / "directory.md").read_text(), re.DOTALL)
    listed = read_directory(entry, "the page")
    assert listed.left_out == ()
    assert listed.listings[0].conformance


def test_the_copy_that_ships_lists_nothing_that_ships() -> None:
    shipped = {found.name for found in registry.decoders().values() if found.shipped}
    assert shipped
    assert not [name for listing in document.shipped().listings for name in listing.decoders if name in shipped]


def test_a_listing_says_what_a_distribution_provides() -> None:
    listing = read_listing(KIT)
    assert listing.provided() == [("decoder", "ocr"), ("decoder", "mine"), ("encoder", "tiny"), ("neck", "bend")]


@pytest.mark.parametrize(
    ("name", "distributions"), [("ocr", ["segzoo-ocr", "kit"]), ("TINY", ["kit"]), ("bend", ["kit"]), ("no", [])]
)
def test_a_name_leads_to_the_distributions_that_provide_it(name: str, distributions: list[str]) -> None:
    listed = read_directory(write_document(OCR, KIT), "here")
    assert [listing.distribution for listing in listed.providers(name)] == distributions


def test_an_entry_carries_the_version_and_the_findings_of_its_last_check() -> None:
    listing = read_listing({**OCR, "conformance": CHECKED})
    assert listing.conformance
    assert (listing.version, listing.conformance.date) == ("1.2", date(2026, 11, 27))
    assert listing.conformance.findings["decoder ocr"].failed == {"onnx": "no operator"}


@pytest.mark.parametrize(
    ("changes", "passed"),
    [({}, False), ({"findings": {}}, True), ({"findings": {}, "error": "pip failed"}, False)],
)
def test_a_check_is_passed_when_nothing_failed(changes: dict[str, Any], passed: bool) -> None:
    result = read_listing({**OCR, "conformance": CHECKED | changes}).conformance
    assert result
    assert result.passed == passed


def test_fields_that_later_segzoos_add_are_left_alone() -> None:
    later = {**OCR, "losses": ["dice"], "conformance": {**CHECKED, "seconds": 3}}
    assert read_listing(later) == read_listing({**OCR, "conformance": CHECKED})


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("segzoo-ocr", "entry: Input should be an object"),
        ({"distribution": "segzoo-ocr"}, "summary: Field required"),
        ({**OCR, "summary": ""}, "summary: expected one line of text"),
        ({**OCR, "summary": "a\nb"}, "summary: expected one line of text"),
        ({**OCR, "summary": "\x1b[31mred"}, "summary: expected one line of text"),
        ({**OCR, "homepage": 3}, "homepage: Input should be a valid string, got 3"),
        ({**OCR, "homepage": "http://example.org"}, "homepage: expected an https address"),
        ({**OCR, "decoders": "ocr"}, "decoders: Input should be a valid array"),
        ({**OCR, "decoders": ["o c r"]}, "decoders.0: expected a name of letters"),
        ({**OCR, "decoders": [3]}, "decoders.0: Input should be a valid string"),
        ({**OCR, "decoders": []}, "entry: expected names in any of decoders, encoders, necks, importers, datasets"),
        ({**OCR, "distribution": "Segzoo_OCR"}, "expected a normalised name, such as 'segzoo-ocr'"),
        ({**OCR, "distribution": "--index-url"}, "distribution: expected a name of letters"),
        ({**OCR, "distribution": "segzoo-torch"}, "it is no plugin's"),
        ({**OCR, "distribution": "segzoo"}, "it is no plugin's"),
        ({**OCR, "conformance": {"date": "yesterday"}}, "conformance.date: Input should be a valid date"),
        (None, "entry: Input should be an object"),
    ],
)
def test_an_entry_that_is_not_valid_is_left_out_with_the_reason_and_the_others_stay(entry: Any, reason: str) -> None:
    listed = read_directory(write_document(entry, KIT), "here")
    assert [listing.distribution for listing in listed.listings] == ["kit"]
    (said,) = listed.left_out
    assert said.startswith("entry 1: ")
    assert reason in said


def test_a_distribution_that_is_listed_twice_is_read_once() -> None:
    listed = read_directory(write_document(OCR, {**OCR, "summary": "another"}), "here")
    assert [listing.summary for listing in listed.listings] == ["Object context"]
    assert listed.left_out == ("entry 2: segzoo-ocr is listed already",)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<!doctype html><title>Sign in</title>", "expected JSON, got '<!doctype html>"),
        ("", "expected JSON, got ''"),
        ("[" * 100_000, "expected JSON"),
        ("[]", 'expected an object with "format" and a list of "plugins"'),
        ('{"format": 1, "plugins": {}}', 'a list of "plugins"'),
        ('{"plugins": []}', "expected format 1, got None"),
        (write_document(OCR, form=2), "expected format 1, got 2; a newer segzoo than"),
    ],
)
def test_what_is_no_document_of_this_format_is_refused(text: str, reason: str) -> None:
    with pytest.raises(segzoo.DirectoryError) as raised:
        read_directory(text, "here")
    assert reason in str(raised.value)
