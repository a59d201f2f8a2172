"""Folders of every format that ever was load in this version."""

import json
from pathlib import Path

import pytest
import torch
from published import edit

import segzoo
from segzoo.publishing import config

FOLDERS = sorted((Path(__file__).parent / "folders").glob("*/"))


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_folder_of_old_loads_and_computes_what_it_did(folder: Path) -> None:
    model = segzoo.from_pretrained(folder, verify=True)
    logits = model(torch.zeros(1, model.plan.request.in_channels, 40, 56, dtype=next(model.parameters()).dtype))
    sizes = [each.shape[-2:] for each in (logits.values() if isinstance(logits, dict) else [logits])]
    assert set(sizes) == {(40, 56)}


def test_there_are_folders_of_old() -> None:
    assert len(FOLDERS) >= 3
    formats = {json.loads((folder / "config.json").read_text())["format_version"] for folder in FOLDERS}
    assert formats == set(range(1, config.FORMAT + 1))


def test_older_formats_are_upgraded_step_by_step(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def renamed(old: str, new: str) -> config.Upgrade:
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
