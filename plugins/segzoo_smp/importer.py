"""Importing models of segmentation_models_pytorch: folders of `save_pretrained`, and bare state dicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import Signature
from typing import Any

import segzoo
from segzoo_smp import constructors
from segzoo_smp.architectures import ARCHITECTURES
from segzoo_smp.encoders import ENCODERS
from segzoo_smp.translation import BY_LOWER_CASE, architecture_name, translate


class SMPImporter(segzoo.ConstructorsImporter):
    """Reads what SMP's `save_pretrained` wrote, or a file of weights; and knows SMP's constructors.

    A file comes with the constructor's arguments, named as SMP's `create_model` takes them::

        arguments={"architecture": "Unet", "encoder_name": "resnet34", "classes": 3}

    Arguments that aren't given have SMP's defaults. `mean`, `std`, `input_range` and `input_space` may be among them.
    """

    def recognises(self, checkpoint: segzoo.Checkpoint) -> bool:
        stated = _stated(checkpoint)
        name = architecture_name(stated)
        return isinstance(name, str) and ("encoder_name" in stated or name.lower() in BY_LOWER_CASE)

    def read(self, checkpoint: segzoo.Checkpoint) -> segzoo.Imported:
        translation = translate(_stated(checkpoint))
        return segzoo.Imported(
            translation.arguments,
            translation.rename(checkpoint.weights),
            translation.preprocessing,
            notes=translation.notes,
            losses=translation.losses,
        )

    def signatures(self) -> Mapping[str, Signature]:
        return {name: constructors.signature(name) for name in ARCHITECTURES}

    def encoders(self) -> Sequence[str]:
        return ENCODERS

    def construct(self, name: str, given: Mapping[str, Any]) -> segzoo.Construction:
        return constructors.construct(name, given)


def _stated(checkpoint: segzoo.Checkpoint) -> dict[str, Any]:
    return {**checkpoint.config, **checkpoint.arguments}
