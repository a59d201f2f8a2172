"""The demo of decoders of queries: overlapping digits told apart, each one an object."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm.auto import tqdm

import segzoo
from segzoo.data.dataset import VAL
from segzoo.demo.budget import Budget
from segzoo.demo.clear import clear_scene
from segzoo.demo.dataset import NAME, ScenesDataset
from segzoo.demo.extras import require_extras
from segzoo.demo.folder import prepare_folder
from segzoo.demo.scenes import CLASSES, PALETTE
from segzoo.errors import OptionError
from segzoo.evaluation import Evaluation, evaluate
from segzoo.files import write_whole
from segzoo.host.pair_names import PairName
from segzoo.model import SegmentationModel
from segzoo.pictures import colour, draw_rows, outlines
from segzoo.segmentation import Panoptic
from segzoo.training import Settings, train

SCENE_SIZE, HELD_OUT, SHOWN = 64, 256, 8
RECIPE: Mapping[str, Any] = MappingProxyType({
    "batch_size": 16, "encoder_rate": 1.0, "weight_decay": 0.05, "warmup": 0.1,
    "schedule": "cosine", "clip": 1.0, "augment": False, "mask_loss": {"points": 512},
})  # fmt: skip


@dataclass(frozen=True)
class ObjectPair:
    """A pair, and what makes it small enough to learn in minutes.

    :param options: of the model.
    :param steps: of training.
    :param rate: of learning: a transformer bears less from random weights.
    """

    name: PairName
    options: Mapping[str, Any]
    steps: int
    rate: float


OBJECT_PAIRS = (
    ObjectPair(
        PairName("resnet18", "mask2former"),
        {"decoder_options": {"width": 128, "queries": 16, "layers": 3, "encoder_layers": 1, "hidden": 256,
                             "encoder_hidden": 256}},
        steps=1200, rate=1.5e-3,
    ),
    ObjectPair(
        PairName("vit_tiny_r_s16_p8_224", "eomt"),  # convolutions come first: from random weights patches learn slowly
        {"encoder_options": {"patch_size": 2, "depth": 6}, "decoder_options": {"queries": 16}},
        steps=1500, rate=1e-3,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class TrainedObjects:
    """A model after its training, and its scores on held-out scenes.

    :param steps: that it was to take.
    :param seconds: that it took.
    """

    pair: PairName
    model: SegmentationModel
    steps: int
    seconds: float
    evaluation: Evaluation

    @property
    def pq(self) -> float:
        """The panoptic quality."""
        return float(self.evaluation.to_dict()["panoptic"]["pq"])

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        found = self.evaluation.to_dict()
        return {
            "pair": str(self.pair),
            "parameters": sum(parameter.numel() for parameter in self.model.parameters()),
            "steps": self.steps,
            "seconds": round(self.seconds, 1),
            "miou": found["miou"],
            "pq": found["panoptic"]["pq"],
            "ap": found["instance"]["ap"],
            "ap50": found["instance"]["ap50"],
        }


def run_objects(
    pairs: Sequence[ObjectPair] = OBJECT_PAIRS,
    *,
    steps: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
    output: str | PathLike[str] = "segzoo-demo",
    quiet: bool = False,
) -> list[TrainedObjects]:
    """Train each pair from random weights to tell overlapping digits apart, and score the same weights on all tasks.

    :param pairs: each with a decoder of queries.
    :param steps: of training, for each pair; its own if None.
    :param minutes: for all pairs together, at most: fewer steps where those would take longer.
    :param seed: of scenes and weights.
    :param output: the folder to leave `objects.png`, `objects.json` and `models/` in.
    :param quiet: no progress bar.
    :raises MissingExtraError: without what `segzoo-torch[demo]` brings.
    :raises OptionError: for a number out of range, or an output that can't be a folder.
    """
    require_extras()
    if not pairs or (steps is not None and steps < 1) or seed < 0 or (minutes is not None and minutes <= 0):
        raise OptionError(f"expected a pair, steps >= 1, seed >= 0 and minutes > 0; got {steps=}, {seed=}, {minutes=}")
    for pair in pairs:
        segzoo.plan(pair.name.encoder, pair.name.decoder, classes=len(CLASSES), **pair.options)
    folder = prepare_folder(output)
    trained, budget = [], Budget(minutes)
    for number, pair in enumerate(pairs, 1):
        if not quiet:
            tqdm.write(f"model {number} of {len(pairs)}: {pair.name}", file=sys.stderr)
        share = budget.share(len(pairs) - number + 1)
        trained.append(train_to_tell_apart(pair, steps or pair.steps, share, seed, quiet))
        model = trained[-1].model
        model.save_pretrained(folder / "models" / str(pair.name), metrics={"PQ": trained[-1].pq}, dataset=NAME)
    draw(folder / "objects.png", trained, seed)
    content = {"minutes": minutes, "seed": seed, "results": [each.to_dict() for each in trained]}
    write_whole(folder / "objects.json", json.dumps(content, indent=2) + "\n")
    return trained


def train_to_tell_apart(pair: ObjectPair, steps: int, minutes: float | None, seed: int, quiet: bool) -> TrainedObjects:
    """Create one model, train it and score it, leaving the process's random numbers as they were."""
    dataset = ScenesDataset(steps * RECIPE["batch_size"], HELD_OUT, size=SCENE_SIZE, seed=seed)
    settings = Settings(
        data=NAME, encoder=pair.name.encoder, decoder=pair.name.decoder, model_options=dict(pair.options),
        pretrained=False, steps=steps, minutes=minutes, validate_every=steps, workers=0, accelerator="cpu", seed=seed,
        learning_rate=pair.rate, **RECIPE,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]), TemporaryDirectory() as folder:
        run = train(settings, folder, quiet=quiet, pictures=False, dataset=dataset)
    found = evaluate(run.model, dataset, dataset.splits()[VAL], quiet=quiet)
    return TrainedObjects(pair.name, run.model, steps, run.seconds, found)


def draw(path: Path, trained: Sequence[TrainedObjects], seed: int) -> None:
    """Draw scenes, what is true of them, and what each model finds: classes in colour, objects outlined."""
    scenes = [clear_scene(index, size=SCENE_SIZE, seed=seed) for index in range(SHOWN)]
    rows = [
        ("scene", [each.picture for each in scenes]),
        ("truth", [_picture(each.mask, each.instances) for each in scenes]),
    ]
    for each in trained:
        found = [each.model.segment(each.model.preprocessing(one.picture), "panoptic") for one in scenes]
        label = "\n".join([each.pair.encoder, f"+ {each.pair.decoder}", f"PQ {each.pq:.2f}"])
        rows.append((label, [_of_segments(one) for one in found if isinstance(one, Panoptic)]))
    draw_rows(path, "Overlapping digits, told apart", rows, CLASSES, PALETTE)


def _of_segments(found: Panoptic) -> NDArray[np.uint8]:
    labels = np.zeros(len(found.segments) + 1, np.int64)
    things = np.zeros_like(labels)
    for each in found.segments:
        labels[each.id], things[each.id] = each.label, each.id * each.thing
    ids = found.ids.numpy()
    return _picture(labels[ids], things[ids])


def _picture(classes: NDArray[np.int64], objects: NDArray[np.int64]) -> NDArray[np.uint8]:
    picture = colour(classes, PALETTE)
    picture[outlines(objects)] = 255
    return picture
