import pickle

import pytest
import safetensors.torch
import torch

import segzoo


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_weights_are_read_back(tmp_path, suffix):
    file = tmp_path / f"weights{suffix}"
    weights = {"a.weight": torch.rand(2, 3)}
    safetensors.torch.save_file(weights, file) if suffix == ".safetensors" else torch.save(weights, file)
    assert torch.equal(segzoo.read_weights(file)["a.weight"], weights["a.weight"])


def test_a_training_checkpoint_is_unwrapped(tmp_path):
    torch.save({"epoch": 3, "state_dict": {"a": torch.ones(1)}}, tmp_path / "checkpoint.pth")
    assert list(segzoo.read_weights(tmp_path / "checkpoint.pth")) == ["a"]


@pytest.mark.parametrize("holder", ["state_dict_ema", "model_ema", "teacher"])
def test_averaged_weights_come_before_others(tmp_path, holder):
    other = "student" if holder == "teacher" else "state_dict"
    torch.save({other: {"a": torch.zeros(1)}, holder: {"a": torch.ones(1)}}, tmp_path / "checkpoint.pth")
    assert segzoo.read_weights(tmp_path / "checkpoint.pth")["a"] == 1


def test_prefixes_go_from_some_names_or_all():
    names = ["module.model.stem.a", "stem.b", "backbone.stem.c", "loss.d", "std"]
    weights = segzoo.unwrap_weights({name: torch.zeros(1) for name in names}, {"stem"})
    assert list(weights) == ["stem.a", "stem.b", "stem.c", "loss.d"]


def test_two_weights_of_one_name_are_refused():
    weights = {"model.stem.a": torch.zeros(1), "module.stem.a": torch.zeros(1)}
    with pytest.raises(segzoo.CheckpointError, match=r"'stem\.a' twice.*give the prefix"):
        segzoo.unwrap_weights(weights, {"stem"})


class Attack:
    def __reduce__(self):
        return (open, ("attacked", "w"))


@pytest.mark.parametrize(
    "content",
    [b"", b"no weights", pickle.dumps(Attack()), pickle.dumps({"a": 3}), b"\xff" * 64],
    ids=["empty", "text", "attack", "pickle", "bytes"],
)
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_what_is_no_file_of_weights_is_refused_and_nothing_is_run(tmp_path, monkeypatch, content, suffix):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / f"weights{suffix}"
    file.write_bytes(content)
    with pytest.raises(segzoo.CheckpointError):
        segzoo.read_weights(file)
    assert not (tmp_path / "attacked").exists()


def test_a_missing_file_is_an_error_that_names_it(tmp_path):
    with pytest.raises(segzoo.CheckpointError, match=r"nowhere\.pth"):
        segzoo.read_weights(tmp_path / "nowhere.pth")
