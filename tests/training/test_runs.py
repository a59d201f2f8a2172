"""Whole runs, from a folder of pictures to a saved model."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from small_runs import CLASSES, same_weights, small_settings, write_shapes

import segzoo
from segzoo.metrics import Scores
from segzoo.training import Run, read_settings, train


class Stopped(Exception):  # noqa: N818
    pass


def stop_at(step: int) -> Callable[[int, Scores], None]:
    def stop(now: int, scores: Scores) -> None:
        if now == step:
            raise Stopped

    return stop


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shapes(tmp_path_factory.mktemp("shapes") / "shapes")


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    """A run that nothing disturbed."""
    output = tmp_path_factory.mktemp("runs") / "whole"
    return train(small_settings(data), output, quiet=True), output


def test_a_run_leaves_all_that_was_promised(whole: tuple[Run, Path]) -> None:
    run, output = whole
    left = {str(each.relative_to(output)) for each in output.rglob("*") if each.is_file()}
    assert left == {
        "run.yaml", "metrics.csv", "curve.png", "checkpoints/last.ckpt",
        *(f"pictures/{step:06d}.png" for step in (2, 4, 6, 8)),
        *(f"model/{name}" for name in ("model.safetensors", "config.json", "README.md", "curve.png")),
    }  # fmt: skip
    assert run.steps == 8


def test_the_saved_model_is_the_one_that_was_validated(whole: tuple[Run, Path], data: Path) -> None:
    run, _ = whole
    model = segzoo.from_pretrained(run.folder)
    dataset = segzoo.data.open_dataset(data)
    confusion = sum(
        segzoo.metrics.confusion_matrix(
            model.predict(model.preprocessing((sample := dataset.read(name)).image)), torch.from_numpy(sample.mask), 3
        )
        for name in dataset.splits()["val"]
    )
    assert torch.equal(confusion, run.scores.confusion)


def test_the_saved_model_knows_its_classes(whole: tuple[Run, Path]) -> None:
    assert segzoo.from_pretrained(whole[0].folder).labels["logits"].names == CLASSES


def test_the_card_shows_scores_data_and_curve(whole: tuple[Run, Path]) -> None:
    card = (whole[0].folder / "README.md").read_text()
    assert "mIoU" in card
    assert "shapes" in card
    assert "(curve.png)" in card


@pytest.mark.slow
def test_the_run_file_repeats_the_run(whole: tuple[Run, Path], tmp_path: Path) -> None:
    train(read_settings(whole[1] / "run.yaml"), tmp_path / "again", quiet=True, pictures=False)
    assert same_weights(whole[1], tmp_path / "again")


def test_a_resumed_run_ends_as_if_it_had_not_stopped(whole: tuple[Run, Path], data: Path, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        train(small_settings(data), tmp_path / "run", quiet=True, pictures=False, on_validation=stop_at(4))
    run = train(small_settings(data), tmp_path / "run", resume=True, quiet=True, pictures=False)
    assert same_weights(whole[1], tmp_path / "run")
    assert torch.equal(run.scores.confusion, whole[0].scores.confusion)
    assert column(tmp_path / "run", "step") == [2, 4, 6, 8]


@pytest.mark.slow
def test_a_run_that_was_stopped_before_it_was_saved_is_saved(
    whole: tuple[Run, Path], data: Path, tmp_path: Path
) -> None:
    with pytest.raises(Stopped):
        train(small_settings(data), tmp_path / "run", quiet=True, pictures=False, on_validation=stop_at(8))
    train(small_settings(data), tmp_path / "run", resume=True, quiet=True, pictures=False)
    assert same_weights(whole[1], tmp_path / "run")


@pytest.mark.slow
def test_parts_of_a_step_hold_the_images_of_the_whole(data: Path, tmp_path: Path) -> None:
    """Held to the losses, roughly: where a gradient is all but 0, Adam's first step has either sign."""
    plain = {"encoder": "test_vit", "decoder": "segmenter", "steps": 2, "validate_every": 1, "loss": "ce"}
    for name, parts in (("whole", 1), ("parts", 2)):
        settings = small_settings(data, accumulate=parts, augment=False, **plain)
        train(settings, tmp_path / name, quiet=True, pictures=False)
    assert column(tmp_path / "parts", "loss") == pytest.approx(column(tmp_path / "whole", "loss"), rel=5e-3)


def test_a_frozen_encoder_stays_as_it_was(data: Path, tmp_path: Path) -> None:
    settings = small_settings(data, freeze_encoder=True, steps=2, average=None)
    run = train(settings, tmp_path / "run", quiet=True, pictures=False)
    torch.manual_seed(settings.seed)
    before = segzoo.create_model(settings.encoder, settings.decoder, classes=3)
    after = dict(run.model.encoder.named_parameters())
    assert all(torch.equal(after[name], each) for name, each in before.encoder.named_parameters())


@pytest.mark.slow
def test_minutes_end_a_run_with_a_rate_of_zero(data: Path, tmp_path: Path) -> None:
    run = train(
        small_settings(data, steps=100_000, validate_every=None, minutes=0.02), tmp_path / "run", quiet=True,
        pictures=False,
    )  # fmt: skip
    assert run.steps < 100_000
    assert column(tmp_path / "run", "learning_rate") == [0]


def column(output: Path, name: str) -> list[float]:
    with (output / "metrics.csv").open() as file:
        return [float(row[name]) for row in csv.DictReader(file)]
