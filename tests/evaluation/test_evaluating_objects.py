"""A model of queries held against data that tells objects apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from arrays import Arrays
from click.testing import CliRunner
from painted import model_of
from synthetic import synthetic
from torch import Tensor

import segzoo
from segzoo.cli import main
from segzoo.data import Samples
from segzoo.data.target import counted_target
from segzoo.errors import DataWarning, OptionError
from segzoo.evaluation import Evaluation, evaluate
from segzoo.labels import IGNORE, Labels
from segzoo.preprocessing import Preprocessing

NAMES = ("sky", "car", "person")
THINGS = (1, 2)
SIZE = 24, 36
SEEN = (0, 1, 1, 2)
"""The class of what an image shows by its grey: sky at 0, two cars at 1 and 2, a person at 3."""


class Knowing(segzoo.Decoder):
    """Query number q takes the pixels whose grey is q, and knows their class by heart."""

    finest_stride = 1
    emits = "queries"

    def __init__(self, stages: segzoo.FeatureSpec, classes: int) -> None:
        super().__init__(stages, out_channels=classes)
        self.register_buffer("seen", torch.zeros(len(SEEN), classes + 1))

    def forward(self, features: list[Tensor]) -> segzoo.Queries:
        grey = features[0][:, :1] * 255
        masks = 40 * (0.5 - (grey - torch.arange(len(SEEN)).view(-1, 1, 1)).abs())
        return segzoo.Queries(masks, self.seen.expand(grey.shape[0], -1, -1))


class Semantic(Knowing):
    tasks = ("semantic",)


def knowing(
    seen: tuple[int, ...] = SEEN, names: tuple[str, ...] = NAMES, decoder: Any = Knowing, **options: Any
) -> segzoo.SegmentationModel:
    options = options or {"classes": len(names)}
    model = segzoo.create_model(synthetic("resnet"), decoder, **options).eval()
    for place, label in enumerate(seen):
        model.decoder.seen[place, label] = 12.0
    model.preprocessing = Preprocessing((0.0,) * 3, (1.0,) * 3)
    if "classes" in options:
        model.labels = {"logits": Labels(names)}
    return model


def scenes(count: int = 2, *, crowds: tuple[int, ...] = (), things: Any = THINGS, told_apart: bool = True) -> Arrays:
    images, masks, objects = {}, {}, {}
    for number in range(count):
        grey = np.zeros(SIZE, np.int64)
        for value, top in ((1, 2), (2, 10), (3, 17)):
            grey[top : top + 5, 3 + number : 20 + number] = value
        name = f"{number}.png"
        images[name] = np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)
        masks[name], objects[name] = np.array(SEEN)[grey], grey
    data = Arrays(images, masks, objects if told_apart else None, things=things, crowds=crowds)
    data.labels = Labels(NAMES, things=things)
    return data


def held(model: segzoo.SegmentationModel, data: Arrays, **options: Any) -> Evaluation:
    return evaluate(model, data, list(data.images), quiet=True, **options)


def qualities(found: Evaluation) -> tuple[float, float]:
    assert found.instance is not None
    assert found.panoptic is not None
    return found.instance.ap, found.panoptic.means()["pq"]


def test_who_knows_all_is_right_about_all() -> None:
    found = held(knowing(), scenes())
    assert qualities(found) == (1, 1)
    assert found.scores.miou == 1
    assert found.panoptic is not None
    assert found.panoptic.found.tolist() == [2, 4, 2]


def test_a_wrong_class_is_wrong_and_missed() -> None:
    found = held(knowing((0, 1, 2, 2)), scenes())  # a car that is taken for a person
    assert found.panoptic is not None
    assert found.panoptic.found.tolist() == [2, 2, 2]
    assert found.panoptic.wrong.tolist() == [0, 0, 2]
    assert found.panoptic.missed.tolist() == [0, 2, 0]
    assert found.instance is not None
    assert found.instance.ap < 1


def test_classes_of_another_order_are_matched_by_name() -> None:
    model = knowing((2, 0, 0, 1), ("car", "person", "sky"))
    assert qualities(held(model, scenes())) == (1, 1)


def test_a_crowd_counts_as_a_class_but_not_as_an_object() -> None:
    found = held(knowing(), scenes(crowds=(2,)))
    assert qualities(found) == (1, 1)
    assert found.panoptic is not None
    assert found.panoptic.found.tolist() == [2, 2, 2]
    assert found.scores.pixels == 2 * SIZE[0] * SIZE[1]


def test_without_known_things_all_objects_are_as_they_are_numbered() -> None:
    assert qualities(held(knowing(), scenes(things=None)))[1] == 1


def test_a_single_class_is_told_from_its_absence() -> None:
    model = knowing((0, 0, 0, 0), ("car",))
    model.decoder.seen.zero_()
    model.decoder.seen[:, 0] = torch.tensor([0.0, 12, 12, 0])
    model.decoder.seen[:, 1] = torch.tensor([12.0, 0, 0, 12])
    data = scenes(things=(1,))
    data.labels = Labels(("rest", "car"), things=(1,))
    data.masks = {name: (mask == 1).astype(np.int64) for name, mask in data.masks.items()}
    found = held(model, data)
    assert found.instance is not None
    assert found.instance.ap == 1
    assert found.panoptic is not None
    assert found.panoptic.found.tolist() == [0, 4]


def test_what_can_t_be_read_is_left_out() -> None:
    data = scenes(3)
    data.images["1.png"] = None
    with pytest.warns(DataWarning, match="1.png can't be read"):
        found = evaluate(knowing(), data, list(data.images), quiet=True, broken="skip")
    assert found.skipped == ("1.png",)
    assert found.panoptic is not None
    assert found.panoptic.found.tolist() == [2, 4, 2]


@pytest.mark.parametrize("tasks", [("semantic",), ("instance",), ("panoptic",)])
def test_tasks_can_be_chosen(tasks: tuple[str, ...]) -> None:
    found = held(knowing(), scenes(), tasks=tasks)
    assert (found.instance is not None, found.panoptic is not None) == ("instance" in tasks, "panoptic" in tasks)


@pytest.mark.parametrize(
    ("model", "data"),
    [
        (lambda: knowing(), lambda: scenes(told_apart=False)),
        (lambda: knowing(decoder=Semantic), scenes),
        (lambda: model_of(names=NAMES), scenes),
    ],
)
def test_classes_alone_are_scored_where_objects_can_t_be(model: Any, data: Any) -> None:
    found = held(model(), data())
    assert found.instance is None
    assert found.panoptic is None
    assert "panoptic" not in found.to_dict()


@pytest.mark.parametrize(
    ("model", "data", "message"),
    [
        (lambda: knowing(), lambda: scenes(told_apart=False), "arrays tells no objects apart, which the task 'panop"),
        (lambda: knowing(decoder=Semantic), scenes, "answers semantic segmentation, and the task 'panoptic' needs"),
        (lambda: knowing(heads={"a": 3, "b": 3}), scenes, "'panoptic' is for a model with one head, and it has a, b"),
    ],
)
def test_a_task_that_can_t_be_scored_is_refused(model: Any, data: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        held(model(), data(), tasks=("panoptic",), head="a")


def test_scores_are_in_the_table_and_in_the_file(tmp_path: Path) -> None:
    found = held(knowing(), scenes(), output=tmp_path, worst=0)
    lines = found.table().splitlines()
    assert lines[0].split() == ["class", "IoU", "Dice", "recall", "AP", "PQ"]
    assert lines[2].split() == ["sky", "1.000", "1.000", "1.000", "-", "1.000"]
    assert lines[-2] == "instance: AP 1.000, AP50 1.000, AP75 1.000, boundary AP 1.000"
    assert lines[-1] == "panoptic: PQ 1.000, SQ 1.000, RQ 1.000, PQ of things 1.000, PQ of stuff 1.000"
    written = json.loads((tmp_path / "evaluation.json").read_text())
    assert (written["instance"]["ap"], written["panoptic"]["things"]["pq"]) == (1, 1)
    assert written["settings"]["tasks"] == ["semantic", "instance", "panoptic"]


def test_the_command_scores_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segzoo, "from_pretrained", lambda model: knowing())
    monkeypatch.setattr("segzoo.data.open_dataset", lambda data, form, **options: scenes())
    arguments = ["evaluate", "model", "data", "--split", "all", "--workers", "0", "--worst", "0"]
    both = CliRunner().invoke(main, [*arguments, "--output", str(tmp_path)])
    assert "instance: AP 1.000" in both.stdout, both.output
    one = CliRunner().invoke(main, [*arguments, "--output", str(tmp_path), "--task", "panoptic"])
    assert "panoptic: PQ 1.000" in one.stdout
    assert "instance" not in one.stdout


def test_a_crowd_keeps_its_class_where_it_is_known_and_a_thing_of_no_object_is_one() -> None:
    mask, objects = np.array([[0, 1, 1, 2, 2, IGNORE, IGNORE]]), np.array([[5, 1, 2, 3, 0, 2, 4]])
    sample = segzoo.data.Sample(np.zeros((1, 7, 3), np.uint8), mask, "a", objects, crowds=(2,))
    classes, numbers = counted_target(sample, Labels(NAMES, things=THINGS))
    assert classes.tolist() == mask.tolist()
    assert numbers.tolist() == [[0, 1, -1, 3, -1, -1, 0]]


def test_crowds_pass_a_transform() -> None:
    data = scenes(1, crowds=(2,))
    (_, (_, numbers)) = Samples(data, ["0.png"], Preprocessing(), lambda *both: both, instances=True, crowds=True)[0]
    assert numbers.unique().tolist() == [-1, 0, 1, 3]
