"""A model with a part of a third party's: it loads where that is installed, and says what is missing where not."""

import json
from pathlib import Path

import pytest
import torch
from freshly import discover_anew
from listed import OCR, ship
from published import image
from throwaway import decoder, provides, write_distribution

import segzoo

DECODER = """
import segzoo
from torch import nn

class OCR(segzoo.Decoder):
    def __init__(self, stages, width=8):
        super().__init__(stages, out_channels=width)
        self.conv = nn.Conv2d(stages.channels[-1], width, 1)

    def forward(self, features):
        return self.conv(features[-1])
"""


def install(path: Path, source: str = DECODER, version: str = "1.2") -> None:
    write_distribution(
        path,
        "segzoo-ocr",
        provides("decoders", decoder("ocr", "segzoo_ocr_decoder:OCR")),
        version=version,
    )
    write_decoder(path, source)


def write_decoder(path: Path, source: str) -> None:
    (path / "segzoo_ocr_decoder.py").write_text(source)


def uninstall(path: Path, monkeypatch: pytest.MonkeyPatch, version: str = "1.2") -> None:
    for file in (path / f"segzoo_ocr-{version}.dist-info").iterdir():
        file.unlink()
    (path / f"segzoo_ocr-{version}.dist-info").rmdir()
    discover_anew(monkeypatch)


def upgrade(path: Path, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    uninstall(path, monkeypatch)
    install(path, source, version="2.0")
    sys.modules.pop("segzoo_ocr_decoder")
    (path / "segzoo_ocr_decoder.py").write_text(source)


@pytest.fixture
def saved(path: Path) -> Path:
    """A folder of a model with an installed third party's decoder."""
    install(path)
    segzoo.create_model("test_resnet", "ocr", classes=2).save_pretrained(path / "model")
    return path / "model"


def test_it_loads_where_its_plugin_is_installed(saved: Path) -> None:
    loaded = segzoo.from_pretrained(saved, verify=True)
    assert loaded.plan.decoder.id == "segzoo-ocr:ocr"
    assert type(loaded.decoder).__module__ == "segzoo_ocr_decoder"


def test_a_missing_plugin_is_named_with_its_version_and_the_command(
    saved: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uninstall(path, monkeypatch)
    with pytest.raises(
        segzoo.PluginError,
        match=r"needs decoder segzoo-ocr:ocr \(saved with segzoo-ocr 1.2, is not installed here\): "
        r"pip install segzoo-ocr==1.2 \(this is the file's own claim: ",
    ):
        segzoo.from_pretrained(saved)


def test_a_missing_plugin_that_the_directory_lists_is_no_mere_claim(
    saved: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uninstall(path, monkeypatch)
    ship(monkeypatch, path, OCR)
    with pytest.raises(segzoo.PluginError, match="segzoo's plugin directory lists it") as raised:
        segzoo.from_pretrained(saved)
    assert "claim" not in str(raised.value)


def test_a_plugin_that_is_disabled_is_no_missing_one(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    discover_anew(monkeypatch)
    monkeypatch.setenv("SEGZOO_DISABLE_PLUGINS", "segzoo-ocr")
    with pytest.raises(segzoo.PluginError, match="is installed, but disabled: named in SEGZOO_DISABLE_PLUGINS"):
        segzoo.from_pretrained(saved)


@pytest.mark.parametrize(
    ("distribution", "version"),
    [("x; rm -rf ~", "1"), ("segzoo-ocr", "1; rm -rf ~"), ("other", "1"), ("segzoo-ocr", "")],
)
def test_a_claim_that_is_no_requirement_is_not_repeated(distribution: str, version: str, saved: Path) -> None:
    config = saved / "config.json"
    content = json.loads(config.read_text())
    content["plan"]["decoder"] |= {"distribution": distribution, "version": version}
    config.write_text(json.dumps(content))
    with pytest.raises(segzoo.CheckpointError, match="can't come from distribution"):
        segzoo.from_pretrained(saved)


def test_a_part_that_was_registered_at_run_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_decoder(path, DECODER)
    spec = segzoo.DecoderSpec(name="mine", target="segzoo_ocr_decoder:OCR")
    segzoo.register(spec)
    segzoo.create_model("test_resnet", "mine", classes=2).save_pretrained(path / "model")
    discover_anew(monkeypatch)
    with pytest.raises(segzoo.PluginError, match=r"runtime:mine.*at run time; give segzoo.register the same"):
        segzoo.from_pretrained(path / "model")
    segzoo.register(spec)
    segzoo.from_pretrained(path / "model", verify=True)


CHANGES = {
    "other weights": (
        DECODER.replace("width, 1)", "width, 3)"),
        r"decoder.conv.weight \(8, 96, 1, 1\) in place of \(8, 96, 3, 3\)",
    ),
    "an option gone": (DECODER.replace("width=8", "*, size").replace("width", "size"), "missing 1 required keyword"),
    "a constructor that fails": (DECODER.replace("super().", "raise OSError('no disk'); super()."), "OSError: no disk"),
    "no such class": (DECODER.replace("class OCR", "class Other"), "has no attribute 'OCR'"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_plugin_that_builds_something_else_today_is_named(
    case: str, saved: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, told = CHANGES[case]
    upgrade(path, source, monkeypatch)
    with pytest.raises((segzoo.CheckpointError, segzoo.PluginError), match=told) as raised:
        segzoo.from_pretrained(saved)
    assert "segzoo-ocr:ocr" in str(raised.value)
    assert "2.0" in str(raised.value)


def test_a_plugin_that_computes_something_else_is_caught_by_the_probe(
    saved: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = segzoo.from_pretrained(saved)(image())
    upgrade(path, DECODER.replace("self.conv(features[-1])", "self.conv(features[-1]) * 2"), monkeypatch)
    assert not torch.equal(segzoo.from_pretrained(saved)(image()), before)
    with pytest.raises(segzoo.CheckpointError, match="doesn't compute here what it computed") as raised:
        segzoo.from_pretrained(saved, verify=True)
    assert "segzoo-ocr 1.2 then, 2.0 now" in str(raised.value)
    assert "largest" in str(raised.value), "the table names what differs"


def test_saving_again_names_the_versions_of_today(saved: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    upgrade(path, DECODER, monkeypatch)
    loaded = segzoo.from_pretrained(saved)
    assert loaded.plan.decoder.version == "1.2"
    loaded.save_pretrained(saved)
    assert segzoo.from_pretrained(saved).plan.decoder.version == "2.0"
