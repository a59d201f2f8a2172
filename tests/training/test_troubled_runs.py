"""Runs that can't go on say why, and lose nothing."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from small_runs import same_weights, small_settings, write_shapes
from torch import Tensor

from segzoo.errors import DataError, DataWarning, OptionError, TrainingError, UnknownNameError
from segzoo.losses import Loss
from segzoo.metrics import Scores
from segzoo.training import train
from segzoo.training.callbacks import checkpoint


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_shapes(tmp_path / "shapes")


def go(data: Path, output: Path, *, resume: bool = False, **changed: Any) -> None:
    train(small_settings(data, **changed), output, quiet=True, pictures=False, resume=resume)


def test_names_are_checked_before_data_is_read(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="unett"):
        go(tmp_path / "nothing", tmp_path / "run", decoder="unett")


def test_without_data_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing"):
        go(tmp_path / "nothing", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_batch_that_cannot_be_shared_out_is_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="accumulate=3"):
        go(data, tmp_path / "run", accumulate=3)


def test_a_device_that_is_not_there_is_refused_before_anything_is_written(data: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="Lightning can't train so"):
        go(data, tmp_path / "run", accelerator="mps")
    assert not (tmp_path / "run").exists()


def test_a_folder_with_other_files_is_left_alone(data: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("all of it")
    with pytest.raises(OptionError, match="other files"):
        go(data, tmp_path / "run")


class Stopped(Exception):  # noqa: N818
    pass


def stopped(data: Path, output: Path, **changed: Any) -> None:
    """A run that ended after its first checkpoint."""

    def stop(step: int, scores: Scores) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        train(small_settings(data, **changed), output, quiet=True, pictures=False, on_validation=stop)


@pytest.mark.slow
def test_a_folder_of_another_run_says_what_is_there(data: Path, tmp_path: Path) -> None:
    stopped(data, tmp_path / "run", steps=4)
    with pytest.raises(OptionError, match="--resume"):
        go(data, tmp_path / "run", steps=4)
    with pytest.raises(OptionError, match="decoder 'segformer', now 'fpn'"):
        go(data, tmp_path / "run", steps=4, decoder="fpn", resume=True)
    go(data, tmp_path / "run", steps=4, resume=True)
    for resume in (False, True):
        with pytest.raises(OptionError, match="finished"):
            go(data, tmp_path / "run", steps=4, resume=resume)


def test_resuming_what_never_began_begins(data: Path, tmp_path: Path) -> None:
    go(data, tmp_path / "run", steps=2, resume=True)
    assert (tmp_path / "run" / "model").is_dir()


def spoil(monkeypatch: pytest.MonkeyPatch, at: int, what: Any) -> None:
    """Let something happen when the loss is computed for the `at`-th time."""
    parts, calls = Loss.parts, []

    def spoilt(self: Loss, *given: Any) -> dict[str, Tensor]:
        calls.append(1)
        return what(parts(self, *given)) if len(calls) == at else parts(self, *given)

    monkeypatch.setattr(Loss, "parts", spoilt)


def fail(error: BaseException) -> Any:
    def raising(_: Any) -> Any:
        raise error

    return raising


@pytest.mark.slow
def test_a_loss_that_is_no_number_names_the_batch_and_keeps_the_checkpoint(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        spoil(patch, 4, lambda parts: {name: value * float("nan") for name, value in parts.items()})
        with pytest.raises(
            TrainingError, match=r"step 4: the loss is nan.*ce nan.*the batch holds train/images/\d\d\.png.*resume"
        ):
            go(data, tmp_path / "run", steps=4)
    go(data, tmp_path / "run", steps=4, resume=True)
    go(data, tmp_path / "well", steps=4)
    assert same_weights(tmp_path / "run", tmp_path / "well")


def test_weights_that_are_no_numbers_are_not_saved(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss is well, its gradient isn't."""
    spoil(monkeypatch, 2, lambda parts: {name: value + (value * 0).sqrt() for name, value in parts.items()})
    with pytest.raises(TrainingError, match="weights are no finite numbers at step 2"):
        go(data, tmp_path / "run", steps=2)
    assert not (tmp_path / "run" / "checkpoints" / "last.ckpt").exists()


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
    ],
)
def test_full_memory_names_batch_size_and_crop(
    error: BaseException, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, 1, fail(error))
    with pytest.raises(TrainingError, match=r"batch_size=4 and crop=32x32"):
        go(data, tmp_path / "run")


def test_an_error_of_the_code_comes_through_as_it_is(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, 1, fail(RuntimeError("shapes cannot be multiplied")))
    with pytest.raises(RuntimeError, match=r"^shapes cannot be multiplied$"):
        go(data, tmp_path / "run")


@pytest.mark.slow
def test_a_full_disk_leaves_the_checkpoint_before(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped(data, tmp_path / "run", steps=4)
    before = (tmp_path / "run" / "checkpoints" / "last.ckpt").read_bytes()

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint.torch, "save", full)
        with pytest.raises(TrainingError, match="No space left"):
            go(data, tmp_path / "run", steps=4, resume=True)
    assert (tmp_path / "run" / "checkpoints" / "last.ckpt").read_bytes() == before
    assert not list((tmp_path / "run" / "checkpoints").glob(".*"))


def test_an_image_that_broke_is_named(data: Path, tmp_path: Path) -> None:
    (data / "train" / "images" / "03.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"03\.png"):
        go(data, tmp_path / "run", workers=1)


def test_a_broken_image_is_skipped_as_asked(data: Path, tmp_path: Path) -> None:
    (data / "val" / "images" / "03.png").write_bytes(b"no picture")
    with pytest.warns(DataWarning, match=r"03\.png"):
        go(data, tmp_path / "run", steps=2, broken="skip")


def test_a_class_that_is_never_seen_is_said(data: Path, tmp_path: Path) -> None:
    (data / "classes.txt").write_text("ground\nsquare\nbar\nunicorn\n")
    with pytest.warns(DataWarning, match=r"of class unicorn:"):
        go(data, tmp_path / "run", steps=2)


def test_ctrl_c_ends_at_a_step_and_says_how_to_go_on(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press(parts: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return parts

    before = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        spoil(patch, 3, press)
        with pytest.raises(KeyboardInterrupt, match=r"after step 3.*--resume"):
            go(data, tmp_path / "run", steps=4)
    assert signal.getsignal(signal.SIGINT) == before
    go(data, tmp_path / "run", steps=4, resume=True)


def test_one_class_is_no_segmentation(data: Path, tmp_path: Path) -> None:
    (data / "classes.txt").write_text("ground\n")
    for mask in data.rglob("masks/*.png"):
        Image.fromarray(np.zeros((32, 32), np.uint8)).save(mask)
    with pytest.raises(DataError, match="1 class"):
        go(data, tmp_path / "run")
