"""Folders of every format that ever was load in this version."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from published import edit

import segzoo
from segzoo.publishing import config
from segzoo.publishing.needs import changed_versions
from segzoo.publishing.upgrades import UPGRADES, Upgrade

FOLDERS = sorted((Path(__file__).parent / "folders").glob("*/"))
OF_SEGZOO = [folder for folder in FOLDERS if "segzoo" in json.loads((folder / "config.json").read_text())["versions"]]
"""Those from when our distribution was called `segzoo`."""


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_folder_of_old_loads_and_computes_what_it_did(folder: Path) -> None:
    model = segzoo.from_pretrained(folder, verify=True)
    logits = model(torch.zeros(1, model.plan.request.in_channels, 40, 56, dtype=next(model.parameters()).dtype))
    sizes = [each.shape[-2:] for each in (logits.values() if isinstance(logits, dict) else [logits])]
    assert set(sizes) == {(40, 56)}


@pytest.mark.parametrize("folder", OF_SEGZOO, ids=lambda folder: folder.name)
def test_what_older_folders_call_segzoo_is_our_distribution(folder: Path) -> None:
    saved = config.read_config(folder)
    assert saved.versions["segzoo"] == saved.plan.decoder.version
    assert {part.distribution for _, part in config.parts(saved.plan)} == {"segzoo-torch"}
    assert not [line for line in changed_versions(saved) if line.startswith("segzoo ")]


def test_a_missing_part_of_ours_is_got_from_our_distribution(folder: Path) -> None:
    def change(content: dict[str, dict[str, Any]]) -> None:
        content["plan"]["decoder"].update(id="segzoo:gone", distribution="segzoo", version="9.0")
        content["arguments"]["decoder"] = "segzoo:gone"

    edit(folder, change)
    with pytest.raises(segzoo.PluginError, match=r"pip install segzoo-torch==9\.0"):
        segzoo.from_pretrained(folder)


def test_what_is_saved_names_our_distribution(folder: Path) -> None:
    saved = config.read_config(folder)
    assert saved.versions["segzoo-torch"] == segzoo.__version__
    assert "segzoo" not in saved.versions
    assert (saved.plan.decoder.id, saved.plan.decoder.distribution) == ("segzoo:segformer", "segzoo-torch")


def test_there_are_folders_of_old() -> None:
    assert len(OF_SEGZOO) >= 3
    formats = {json.loads((folder / "config.json").read_text())["format_version"] for folder in FOLDERS}
    assert formats == set(range(1, config.FORMAT + 1))


def test_older_formats_are_upgraded_step_by_step(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def renamed(old: str, new: str) -> Upgrade:
        return lambda content: {new if name == old else name: value for name, value in content.items()}

    monkeypatch.setattr(config, "FORMAT", 3)
    monkeypatch.setattr(config, "UPGRADES", {1: renamed("heads", "tails"), 2: renamed("tails", "heads")})
    assert segzoo.from_pretrained(folder).head.classes.heads == {"logits": 3}
    edit(folder, lambda content: content.update(format_version=3))
    segzoo.from_pretrained(folder)
    edit(folder, lambda content: content.update(format_version=4))
    with pytest.raises(segzoo.CheckpointError, match="format 4 is newer"):
        segzoo.from_pretrained(folder)


def test_an_upgrade_leads_from_every_format_to_the_next() -> None:
    assert set(config.UPGRADES) == set(range(1, config.FORMAT))


def test_what_format_1_called_interpolation_is_upsample() -> None:
    saved = config.read_config(Path(__file__).parent / "folders" / "1_interpolation")
    assert (saved.arguments.decoder_options["upsample"], saved.plan.decoder_options["upsample"]) == ("bicubic",) * 2


@pytest.mark.parametrize("decoder", ["segzoo-ocr:ocr", None, 3])
def test_options_of_others_keep_their_names(decoder: object) -> None:
    content = {"arguments": {"decoder": decoder, "decoder_options": {"interpolation": "nearest"}}}
    assert UPGRADES[1](content) == content


@pytest.mark.parametrize(
    "arguments", [None, [], {"decoder": "segzoo:unet"}, {"decoder": "segzoo:unet", "decoder_options": 3}]
)
def test_an_upgrade_leaves_what_is_malformed_to_the_reader(arguments: object) -> None:
    content = {"arguments": arguments, "plan": 3}
    assert UPGRADES[1](content) == content
