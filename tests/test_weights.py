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
