"""The demo: any encoder with any decoder, trained briefly on handwritten digits, compared in one picture."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm.auto import tqdm

import segzoo
from segzoo.demo import report
from segzoo.demo.budget import Budget
from segzoo.demo.clear import clear_scene
from segzoo.demo.dataset import NAME, ScenesDataset
from segzoo.demo.extras import require_extras
from segzoo.demo.folder import prepare_folder
from segzoo.demo.photograph import read_photo
from segzoo.demo.scenes import CLASSES
from segzoo.errors import InputError, OptionError
from segzoo.host.pair_names import PairName as PairName
from segzoo.metrics import Scores
from segzoo.model import SegmentationModel
from segzoo.training import Settings, train

DEFAULT_PAIRS = (PairName("resnet18", "unet"), PairName("mit_b0", "segformer"), PairName("xcit_nano_12_p8_224", "fpn"))
DEFAULT_STEPS = 360
SCENE_SIZE = 64
HELD_OUT = 256
SHOWN = 8
RECIPE: dict[str, Any] = {
    "batch_size": 16, "learning_rate": 3e-3, "encoder_rate": 1.0, "weight_decay": 0.01, "warmup": 0.2,
    "schedule": "cosine", "clip": 1.0, "loss": "ce+dice", "augment": False,
}  # fmt: skip
"""Settings under which every kind of encoder learns in minutes: no scene is seen twice, so that none is changed."""


@dataclass(frozen=True)
class Trained:
    """A model after its training.

    :param seconds: that the training took.
    :param scores: on held-out scenes.
    """

    pair: PairName
    model: SegmentationModel
    seconds: float
    scores: Scores

    @property
    def miou(self) -> float:
        return self.scores.miou

    @property
    def parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.model.parameters())

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "pair": str(self.pair),
            "parameters": self.parameters,
            "seconds": round(self.seconds, 1),
            "miou": round(self.miou, 4),
            "iou": {
                name: None if value != value else round(value, 4)
                for name, value in zip(CLASSES, self.scores.iou.tolist(), strict=True)
            },
        }


def run(
    pairs: Sequence[PairName] = DEFAULT_PAIRS,
    *,
    steps: int = DEFAULT_STEPS,
    minutes: float | None = None,
    seed: int = 0,
    output: str | PathLike[str] = "segzoo-demo",
    image: str | PathLike[str] | None = None,
    quiet: bool = False,
) -> list[Trained]:
    """Train each pair from random weights, evaluate it on held-out scenes, and leave a report.

    :param pairs: encoders and decoders; one that is named twice is trained once.
    :param steps: of training, for each pair.
    :param minutes: for all pairs together, at most: fewer steps where those would take longer.
    :param seed: of scenes and weights.
    :param output: the folder to leave `comparison.png`, `results.json`, `plans/` and `models/` in.
    :param image: a photograph to run the models on as well; adds `photo.png`.
    :param quiet: no progress bar.
    :returns: the trained models, in the order of the pairs.
    :raises MissingExtraError: without what `segzoo-torch[demo]` brings.
    :raises NegotiationError: or another of `segzoo.plan`'s errors, for a pair that can't be built.
    :raises InputError: for a photograph that can't be read or is too small.
    :raises OptionError: for a number out of range, or an output that can't be a folder. All of these come first.
    """
    require_extras()
    if not pairs or steps < 1 or seed < 0 or (minutes is not None and not 0 < minutes < math.inf):
        raise OptionError(
            "expected a pair or more, steps >= 1, seed >= 0 and minutes > 0; "
            f"got {len(pairs)} pairs, {steps=}, {seed=}, {minutes=}"
        )
    pairs = tuple(dict.fromkeys(pairs))
    plans = [segzoo.plan(pair.encoder, pair.decoder, classes=len(CLASSES)) for pair in pairs]
    smallest = max(plan.input_spec.minimum for plan in plans)
    photo = None if image is None else read_photo(image)
    if photo is not None and min(photo.shape[:2]) < smallest:
        raise InputError(f"expected a photograph of {smallest} pixels a side or more, got {photo.shape[:2]} in {image}")
    folder = prepare_folder(output)

    size = max(SCENE_SIZE, smallest)
    dataset = ScenesDataset(steps * RECIPE["batch_size"], HELD_OUT, size=size, seed=seed)
    trained, budget = [], Budget(minutes)
    for number, pair in enumerate(pairs, 1):
        if not quiet:
            tqdm.write(f"model {number} of {len(pairs)}: {pair}", file=sys.stderr)
        trained.append(train_pair(pair, dataset, steps, budget.share(len(pairs) - number + 1), seed, quiet))
        if not quiet:
            tqdm.write(f"{pair}: {trained[-1].miou:.3f} mIoU", file=sys.stderr)

    report.write_plans(folder, trained)
    report.save_models(folder, trained)
    shown = [clear_scene(index, size=size, seed=seed) for index in range(SHOWN)]
    report.draw_comparison(
        folder, shown, [np.stack([segment(each, scene.picture) for scene in shown]) for each in trained], trained
    )
    if photo is not None:
        report.draw_photo(folder, photo, [segment(each, photo) for each in trained], trained)
    settings = {"segzoo": segzoo.__version__, "steps": steps, "minutes": minutes, "batch_size": RECIPE["batch_size"],
                "seed": seed, "scene_size": size, "held_out_scenes": HELD_OUT}  # fmt: skip
    report.write_results(folder, trained, settings)
    return trained


def train_pair(
    pair: PairName, dataset: ScenesDataset, steps: int, minutes: float | None, seed: int, quiet: bool
) -> Trained:
    """Create one model, train it and score it, leaving the process's random numbers as they were."""
    settings = Settings(
        data=NAME, encoder=pair.encoder, decoder=pair.decoder, pretrained=False, steps=steps, minutes=minutes,
        validate_every=steps, workers=0, accelerator="cpu", seed=seed, **RECIPE,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]), TemporaryDirectory() as folder:
        run = train(settings, folder, quiet=quiet, pictures=False, dataset=dataset)
    return Trained(pair, run.model, run.seconds, run.scores)


def segment(trained: Trained, picture: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The class map (H, W) of a picture (H, W, 3)."""
    classes = trained.model.predict(trained.model.preprocessing(picture))
    assert isinstance(classes, Tensor)  # the demo's models have one head
    return classes.numpy()
