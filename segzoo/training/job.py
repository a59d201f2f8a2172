"""What a run is made of before it starts: the data and the model that its settings name, and what follows from both."""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import torch
from timm.layers import convert_sync_batchnorm

import segzoo
from segzoo.data.augmentation import Augmentation
from segzoo.data.balance import histogram
from segzoo.data.dataset import TRAIN, VAL, Dataset
from segzoo.data.opening import find
from segzoo.data.order import Stream
from segzoo.data.samples import Samples, Transform
from segzoo.data.splitting import split
from segzoo.data.statistics import own_preprocessing
from segzoo.errors import DataError, OptionError
from segzoo.losses import Loss, MaskLoss
from segzoo.model import SegmentationModel
from segzoo.training.class_weights import balanced_weights
from segzoo.training.objective import Objective
from segzoo.training.recipes import Recipe, recipe_for
from segzoo.training.settings import Settings
from segzoo.training.unused import freeze_unused

LARGEST_CROP = 512
EPOCHS = 50
FEWEST, MOST = 1000, 80_000  # steps, where the settings say nothing
VALIDATIONS = 10
TIMED_INTERVAL = 100  # steps, where the clock may end a run long before its last step
COUNTED = 2000  # images that tell how frequent classes are
LOOKED_AT = 64  # images whose size decides the crop
MOST_WORKERS = 8


@dataclass(frozen=True)
class Job:
    """A run that can start.

    :param steps: of the optimiser; a multiple of `interval`.
    :param interval: steps from one validation, and checkpoint, to the next.
    :param found: how the data was recognised, for people to read.
    """

    settings: Settings
    dataset: Dataset
    found: str
    train: Samples
    val: Samples
    objective: Objective
    recipe: Recipe
    steps: int
    interval: int
    val_batch: int
    workers: int

    @property
    def model(self) -> SegmentationModel:
        return self.objective.model

    @property
    def intervals(self) -> int:
        return self.steps // self.interval

    def names(self, part: int, rank: int = 0, world: int = 1) -> list[str]:
        """The samples of a batch of the training, of which a step takes as many as it accumulates."""
        size = self.settings.batch_size // self.settings.accumulate
        (batch,) = Stream(len(self.train), size, seed=self.settings.seed, steps=1, start=part, rank=rank, world=world)
        return [self.train.names[draw.number] for draw in batch if draw.number is not None]

    def describe(self) -> str:
        """What is about to happen, in a few lines."""
        settings, plan = self.settings, self.model.plan
        crop = "" if settings.crop is None else f", crops of {settings.crop[0]}x{settings.crop[1]}"
        limit = "" if settings.minutes is None else f", at most {settings.minutes:g} minutes"
        weights = "published weights" if settings.pretrained else "random weights"
        return "\n".join(
            [
                f"data: {settings.data}, {self.found}: {len(self.train)} to train on, {len(self.val)} to validate on, "
                f"{self.dataset.classes} classes, {self.dataset.channels} channels"
                + ("" if self.model.preprocessing.scaled else ", normalised by their own mean and deviation"),
                f"model: {plan.encoder.id} ({weights}) -> {plan.decoder.id}",
                f"recipe: {self.recipe}",
                f"steps: {self.steps} of {settings.batch_size} images{crop}, validation every {self.interval}{limit}",
            ]
        )


def prepare(settings: Settings, *, dataset: Dataset | None = None, augmentation: Transform | None = None) -> Job:
    """Find the data, agree on the pair, and build the model: all that can fail early.

    :param dataset: in place of what `settings.data` names.
    :param augmentation: in place of `segzoo.data.Augmentation`.
    :raises UnknownNameError: for an encoder, decoder or dataset that no plugin provides.
    :raises NegotiationError: for a pair that can't work.
    :raises DataError: for data that can't be used.
    :raises CheckpointError: when published weights can't be had.
    """
    segzoo.plan(settings.encoder, settings.decoder, **settings.model_options)  # names first: data may take longer
    found = "given"
    if dataset is None:
        opened = find(settings.data, settings.form, **settings.data_options)
        dataset, found = opened.dataset, f"{opened.form} ({opened.why})" if opened.why else opened.form
    splits = split(dataset, settings.validation, settings.seed)
    if dataset.classes < 2:
        raise DataError(f"{settings.data} has {dataset.classes} classes; two are needed, such as background and roads")
    options = {"classes": dataset.classes, "in_channels": dataset.channels, **settings.model_options}
    pretrained = settings.pretrained
    if pretrained is None:
        pretrained = has_published_weights(settings.encoder)
    torch.manual_seed(settings.seed)
    model = segzoo.create_model(settings.encoder, settings.decoder, pretrained=pretrained, **options)
    if settings.freeze_encoder:
        model.freeze_encoder()
    if settings.grad_checkpointing:
        model.set_grad_checkpointing()
    if settings.sync_batchnorm:
        # torch's own, which Lightning would call, loses the activation that some of timm's batch norms hold
        convert_sync_batchnorm(model)
    freeze_unused(model)
    crop, one_size = _sizes(settings, dataset, splits)
    settings = settings.model_copy(update={"pretrained": pretrained, "crop": crop if settings.augment else None})
    if settings.augment:
        augmentation = augmentation or Augmentation(
            crop, scale=settings.scale, flip=settings.flip, vertical=settings.vertical
        )
    broken = settings.broken
    model.preprocessing = own_preprocessing(dataset, splits[TRAIN], broken=broken) or model.preprocessing
    workers = settings.workers if settings.workers is not None else min(MOST_WORKERS, (os.cpu_count() or 1) - 1)
    if settings.loss is None and model.decoder.emits == "queries":
        loss: Loss | MaskLoss = _mask_loss(settings, model)
        instances = _tells_apart(settings, model, dataset)
    else:
        loss, instances = _dense_loss(settings, dataset, splits[TRAIN], workers), False
    train = Samples(dataset, splits[TRAIN], model.preprocessing, augmentation, broken=broken, instances=instances)
    steps, interval = _steps(settings, len(train))
    return Job(
        settings=settings,
        dataset=dataset,
        found=found,
        train=train,
        val=Samples(dataset, splits[VAL], model.preprocessing, broken=broken),
        objective=Objective(model, loss),
        recipe=_recipe(settings, model, pretrained),
        steps=steps,
        interval=interval,
        val_batch=settings.batch_size if one_size else 1,
        workers=workers,
    )


def _dense_loss(settings: Settings, dataset: Dataset, names: Sequence[str], workers: int) -> Loss:
    if settings.mask_loss or settings.instances:
        raise OptionError(
            f"mask_loss={settings.mask_loss} and instances={settings.instances} are for a decoder of queries that "
            "learns masks; leave them out, or `loss`"
        )
    weights = settings.class_weights
    if weights == "balanced":
        counts = histogram(dataset, names, workers, most=COUNTED, broken=settings.broken)
        weights = balanced_weights(counts).tolist()
    return Loss(
        "ce+dice" if settings.loss is None else settings.loss,
        class_weights=weights,
        label_smoothing=settings.label_smoothing,
        auxiliary_weight=settings.auxiliary_weight,
    )


def _mask_loss(settings: Settings, model: SegmentationModel) -> MaskLoss:
    if settings.class_weights is not None or settings.label_smoothing:
        raise OptionError(
            "class_weights and label_smoothing are of losses of pixels, and this decoder learns masks; leave them out, "
            "or give `loss`, such as ce+dice"
        )
    arguments = {**model.decoder.mask_loss, **settings.mask_loss}
    if unknown := set(arguments) - set(inspect.signature(MaskLoss).parameters):
        raise OptionError(f"mask_loss has no {min(unknown)!r}; see segzoo.losses.MaskLoss")
    return MaskLoss(**arguments)


def _tells_apart(settings: Settings, model: SegmentationModel, dataset: Dataset) -> bool:
    """Whether the model learns objects, rather than classes alone."""
    if settings.instances and "instance" not in model.decoder.tasks:
        raise OptionError(
            f"instances=True: {model.plan.decoder.id} answers {' and '.join(model.decoder.tasks)} alone; leave it out"
        )
    can = dataset.has_instances and "instance" in model.decoder.tasks
    return can if settings.instances is None else settings.instances


def has_published_weights(encoder: str) -> bool:
    """Whether an encoder's name stands for weights that can be had."""
    from segzoo.host.sources import find_encoder

    return bool(find_encoder(encoder).facts().weights)


def _recipe(settings: Settings, model: SegmentationModel, pretrained: bool) -> Recipe:
    """The recipe for the pair, with what the settings say otherwise."""
    masks = settings.loss is None and model.decoder.emits == "queries"
    recipe = recipe_for(model.plan, pretrained=pretrained, frozen=settings.freeze_encoder, masks=masks)
    names = ("learning_rate", "encoder_rate", "weight_decay", "layer_decay", "warmup", "schedule", "clip")
    given: dict[str, Any] = {name: value for name in names if (value := getattr(settings, name)) is not None}
    if "learning_rate" in given:
        given["why"] = "as the settings say"
    return replace(recipe, **given)


def _steps(settings: Settings, images: int) -> tuple[int, int]:
    """How many steps there are, and after how many of them each validation comes: a part without rest."""
    if settings.steps is not None:
        wanted = settings.steps
    elif settings.epochs is not None:
        wanted = max(1, math.ceil(settings.epochs * images / settings.batch_size))
    else:
        wanted = min(max(FEWEST, EPOCHS * images // settings.batch_size), MOST)
    every = settings.validate_every or -(-wanted // VALIDATIONS)
    if settings.validate_every is None and settings.minutes is not None:
        every = min(every, TIMED_INTERVAL)
    every = min(every, wanted)
    return every * -(-wanted // every), every


def _sizes(settings: Settings, dataset: Dataset, splits: dict[str, list[str]]) -> tuple[tuple[int, int], bool]:
    """The crop, and whether the validation's images are known to be of one size."""
    seen = [size for name in islice(splits[TRAIN], LOOKED_AT) if (size := _size(dataset, name))]
    val = {_size(dataset, name) for name in splits[VAL]}
    if settings.crop is not None:
        crop = settings.crop
    elif seen:
        heights, widths = zip(*seen, strict=True)
        crop = _middle(heights), _middle(widths)
    else:
        crop = LARGEST_CROP, LARGEST_CROP
    return crop, len(val) == 1 and None not in val


def _size(dataset: Dataset, name: str) -> tuple[int, int] | None:
    try:
        return dataset.size(name)
    except DataError:  # said when it is read
        return None


def _middle(sides: Sequence[int]) -> int:
    return min(LARGEST_CROP, sorted(sides)[len(sides) // 2])
