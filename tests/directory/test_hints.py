"""What is said of a name that isn't installed, and that the directory knows."""

from pathlib import Path
from typing import Any

import pytest
from listed import KIT, OCR, ship
from throwaway import IMPORT_RAISES, write_distribution

import segzoo
from segzoo.host import registry, sources


@pytest.fixture(autouse=True)
def listed(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two distributions that both provide a decoder `ocr`."""
    ship(monkeypatch, tmp_path_factory.mktemp("shipped"), OCR, KIT)


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


@pytest.mark.filterwarnings("ignore::segzoo.host.discovery.PluginWarning")
def test_what_is_installed_and_broken_needs_no_installing(path: Path) -> None:
    write_distribution(path, "kit", IMPORT_RAISES)
    with pytest.raises(segzoo.UnknownNameError) as raised:
        registry.find_decoder("mine")
    assert "install" not in str(raised.value)
    assert "kit:kit (broken: RuntimeError: no GPU today)" in str(raised.value)
