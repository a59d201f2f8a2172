"""What predicts files, whichever runtime computes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from segzoo.errors import OptionError
from segzoo.labels import Labels
from segzoo.mapping.head_classes import HeadClasses
from segzoo.prediction.array_engine import ArrayEngine, Session
from segzoo.prediction.engine import Engine, ModelEngine, on_devices
from segzoo.preprocessing import Preprocessing

if TYPE_CHECKING:
    from segzoo.model import SegmentationModel


UNNAMED = "logits"
"""What an artefact calls the output of a head without a name."""


class Described(Protocol):
    """What an exported artefact says about itself.

    :ivar heads: the number of classes of each output, in the outputs' order.
    :ivar labels: of the classes, by head.
    :ivar preprocessing: how a picture is normalised; `normalises`: whether the artefact does that itself.
    :ivar classifies: whether it gives classes in place of logits.
    :ivar size: the only (height, width) that it takes; None: any from `minimum` on.
    """

    @property
    def heads(self) -> Mapping[str, int]: ...
    @property
    def labels(self) -> Mapping[str, Labels]: ...
    @property
    def preprocessing(self) -> Preprocessing: ...
    @property
    def normalises(self) -> bool: ...
    @property
    def classifies(self) -> bool: ...
    @property
    def size(self) -> tuple[int, int] | None: ...
    @property
    def minimum(self) -> int: ...


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

    @classmethod
    def exported(cls, session: Session, described: Described, *, grid: int = 32) -> Predictor:
        """An artefact in its own runtime.

        :param session: what computes.
        :param grid: the least common multiple of the model's strides.
        :raises OptionError: for one that normalises by itself or gives classes: tiles are blended by their logits.
        """
        if described.normalises or described.classifies:
            raise OptionError(
                "tiles are normalised before an artefact sees them, and blended by its logits, and this one "
                f"{'normalises by itself' if described.normalises else 'gives classes'}; export it again without that"
            )
        names = {name: "" if list(described.heads) == [UNNAMED] else name for name in described.heads}
        least = described.size or (described.minimum, described.minimum)
        engine = ArrayEngine(session, tuple(names.values()), least, fixed=described.size is not None)
        heads = {
            names[name]: HeadClasses.of(count, described.labels.get(name, Labels()))
            for name, count in described.heads.items()
        }
        return cls([engine], described.preprocessing, heads, grid)
