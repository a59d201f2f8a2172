"""What predicts files, whichever runtime computes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from segzoo.labels import Labels
from segzoo.mapping.head_classes import HeadClasses
from segzoo.prediction.engine import Engine, ModelEngine, on_devices
from segzoo.preprocessing import Preprocessing

if TYPE_CHECKING:
    from segzoo.model import SegmentationModel


@dataclass(frozen=True)
class Predictor:
    """Engines, and what they need and tell apart.

    :param engines: take tiles in turn, one for each device.
    :param preprocessing: makes tiles of pixels.
    :param heads: what each tells apart, by its name; empty where there is one, without a name.
    :param grid: tiles start at multiples of it.
    """

    engines: Sequence[Engine]
    preprocessing: Preprocessing
    heads: Mapping[str, HeadClasses]
    grid: int = 1

    @classmethod
    def of(
        cls,
        model: SegmentationModel,
        *,
        devices: Sequence[str] = ("cpu",),
        half: bool = False,
        flips: bool = False,
        scales: Sequence[float] = (1.0,),
    ) -> Predictor:
        """A model in torch, on each of the devices.

        :param half: whether to compute in bfloat16; `flips`, `scales`: as `ModelEngine` takes them.
        :raises OptionError: for a device that isn't there, or scales that can't be.
        """
        classes = model.head.classes
        heads = {}
        for name, count in classes.heads.items():
            heads[name if classes.named else ""] = HeadClasses.of(count, model.labels.get(name, Labels()))
        engines = [ModelEngine(each, half=half, flips=flips, scales=scales) for each in on_devices(model, devices)]
        return cls(engines, model.preprocessing, heads, model.grid)
