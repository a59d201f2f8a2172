"""Pushing and loading through huggingface_hub's own client, against a stand-in of the hub on this machine."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import pytest
import torch
from click.testing import CliRunner
from hub_stand_in import Hub, running
from published import image

import segzoo
from segzoo.cli import main

TOKEN = "hf_of_the_stand_in"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    with running() as hub:
        use(hub.address, monkeypatch, tmp_path)
        yield hub


def use(address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Point the client to an address, with a cache of its own."""
    constants = huggingface_hub.constants
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_IMPLICIT_TOKEN", False)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def test_what_was_pushed_is_loaded(hub: Hub, model: segzoo.SegmentationModel) -> None:
    page = model.push_to_hub("user/name", labels=segzoo.Labels(("road", "sky", "tree")))
    assert page == f"{hub.address}/user/name"
    assert set(hub.models["user/name"][-1]) == {"config.json", "model.safetensors", "README.md"}
    loaded = segzoo.from_pretrained("user/name", verify=True)
    assert torch.equal(loaded(image()), model(image()))
    assert loaded.labels["logits"].names == ("road", "sky", "tree")


def test_what_was_loaded_once_is_in_the_cache(hub: Hub, model: segzoo.SegmentationModel) -> None:
    model.push_to_hub("user/name")
    segzoo.from_pretrained("user/name")
    assert "model.safetensors" in hub.downloads
    hub.downloads.clear()
    segzoo.from_pretrained("user/name")
    assert hub.downloads == []


def test_a_revision_is_loaded(hub: Hub, model: segzoo.SegmentationModel) -> None:
    model.push_to_hub("user/name", labels=segzoo.Labels(("a", "b", "c")))
    first = hub.commit("user/name", "main")
    assert first
    model.push_to_hub("user/name", labels=segzoo.Labels(("d", "e", "f")), commit_message="Other names")
    assert segzoo.from_pretrained("user/name").labels["logits"].names == ("d", "e", "f")
    assert segzoo.from_pretrained("user/name", revision=first[0]).labels["logits"].names == ("a", "b", "c")
    with pytest.raises(segzoo.CheckpointError, match="at revision 'v7' doesn't exist: give a branch, tag or commit"):
        segzoo.from_pretrained("user/name", revision="v7")


def test_a_model_can_be_private(hub: Hub, model: segzoo.SegmentationModel) -> None:
    model.push_to_hub("user/secret", private=True, token="hf_other")
    assert hub.private == {"user/secret"}
    assert hub.tokens == {"Bearer hf_other"}


def test_pushing_without_a_token_says_so(
    hub: Hub, model: segzoo.SegmentationModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(segzoo.CheckpointError, match=r"hf auth login|token"):
        model.push_to_hub("user/name")


def test_a_model_that_does_not_exist(hub: Hub) -> None:
    with pytest.raises(segzoo.CheckpointError, match="'user/nothing' doesn't exist, or is private: check the id"):
        segzoo.from_pretrained("user/nothing")


@pytest.mark.parametrize("name", ["user/na me", "user/-name", "user/..", "us er/name", "user/" + "x" * 100])
def test_a_malformed_id(hub: Hub, name: str) -> None:
    with pytest.raises(segzoo.CheckpointError, match="is no hub id, 'user/name'"):
        segzoo.from_pretrained(name)


def test_no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model: segzoo.SegmentationModel) -> None:
    use("http://127.0.0.1:9", monkeypatch, tmp_path)  # where nobody listens
    with pytest.raises(segzoo.CheckpointError, match="isn't in this machine's cache, and the hub can't be reached"):
        segzoo.from_pretrained("user/name")
    with pytest.raises(segzoo.CheckpointError, match=r"the hub's client failed .*; check the connection"):
        model.push_to_hub("user/name")


def test_no_network_but_in_the_cache(
    hub: Hub, model: segzoo.SegmentationModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model.push_to_hub("user/name")
    segzoo.from_pretrained("user/name")
    use("http://127.0.0.1:9", monkeypatch, tmp_path)
    assert torch.equal(segzoo.from_pretrained("user/name")(image()), model(image()))


def test_offline_mode(hub: Hub, model: segzoo.SegmentationModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(segzoo.CheckpointError, match=r"isn't in this machine's cache|offline mode is on"):
        segzoo.from_pretrained("user/name")
    with pytest.raises(segzoo.CheckpointError, match="offline mode is on"):
        model.push_to_hub("user/name")


def test_a_folder_wins_over_the_hub(hub: Hub, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "user").mkdir()
    folder.rename(tmp_path / "user" / "name")
    segzoo.from_pretrained("user/name")
    assert hub.downloads == []
    with pytest.raises(segzoo.OptionError, match="revision='v1' is for a model on the hub"):
        segzoo.from_pretrained("user/name", revision="v1")


def test_what_was_damaged_on_the_hub_is_refused(hub: Hub, model: segzoo.SegmentationModel) -> None:
    model.push_to_hub("user/name")
    hub.models["user/name"][-1]["model.safetensors"] = b"\x80\x04."
    with pytest.raises(segzoo.CheckpointError, match="no safetensors file"):
        segzoo.from_pretrained("user/name")


def test_the_command_pushes_what_segzoo_wrote_and_nothing_else(hub: Hub, folder: Path) -> None:
    (folder / "secrets.env").write_text("password")
    result = CliRunner().invoke(main, ["push", str(folder), "user/name", "--private", "--message", "Mine"])
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == f"{hub.address}/user/name"
    assert set(hub.models["user/name"][-1]) == {"config.json", "model.safetensors", "README.md"}


def test_the_command_pushes_nothing_that_is_not_segzoos(hub: Hub, folder: Path) -> None:
    shutil.copy(folder / "README.md", folder / "config.json")
    assert CliRunner().invoke(main, ["push", str(folder), "user/name"]).exit_code == 1
    assert hub.models == {}
