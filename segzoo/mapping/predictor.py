"""What predicts files, whichever runtime computes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from segzoo.errors import OptionError
from segzoo.labels import Labels
from segzoo.mapping.head_classes import HeadClasses
from segzoo.prediction.array_engine import ArrayEngine, Session
from segzoo.prediction.engine import Engine, ModelEngine, on_devices
from segzoo.preprocessing import Preprocessing
from segzoo.runtime.manifest import Manifest

if TYPE_CHECKING:
    from segzoo.model import SegmentationModel


UNNAMED = "logits"
"""What an artefact calls the output of a head without a name."""


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
    def exported(cls, session: Session, manifest: Manifest) -> Predictor:
        """An artefact in its own runtime: `Predictor.exported(*segzoo.runtime.open_artefact("roads.onnx"))`.

        :param session: what computes.
        :param manifest: what the artefact says about itself.
        :raises OptionError: for one that normalises by itself or gives classes: tiles are blended by their logits.
        """
        if manifest.normalises or manifest.classifies:
            raise OptionError(
                "tiles are normalised before an artefact sees them, and blended by its logits, and this one "
                f"{'normalises by itself' if manifest.normalises else 'gives classes'}; export it again without that"
            )
        names = {name: "" if list(manifest.heads) == [UNNAMED] else name for name in manifest.heads}
        least = manifest.size or (manifest.minimum, manifest.minimum)
        engine = ArrayEngine(session, tuple(names.values()), least, fixed=manifest.size is not None)
        heads = {
            names[name]: HeadClasses.of(count, manifest.labels.get(name, Labels()))
            for name, count in manifest.heads.items()
        }
        return cls([engine], manifest.preprocessing, heads, manifest.grid)
