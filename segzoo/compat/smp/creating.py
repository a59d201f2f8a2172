"""SMP's two functions that make models: of an architecture's name, and of a folder or hub id."""

from __future__ import annotations

from os import PathLike
from typing import Any

from segzoo.compat.smp import saving
from segzoo.compat.smp.architectures import architectures
from segzoo.compat.smp.model import Model
from segzoo.errors import UnknownNameError


def create_model(
    arch: str,
    encoder_name: str = "resnet34",
    encoder_weights: str | None = "imagenet",
    in_channels: int = 3,
    classes: int = 1,
    **kwargs: Any,
) -> Model:
    """Create one of SMP's architectures.

    :param arch: SMP's name of the class, in any case: `"unet"`, `"DeepLabV3Plus"`.
    :param kwargs: the further arguments of that class.
    :raises UnknownNameError: for another architecture.
    :raises CheckpointError: for an argument that segzoo has no counterpart of, or weights that can't be had.
    """
    kind = {name.lower(): kind for name, kind in architectures().items()}.get(str(arch).lower())
    if kind is None:
        raise UnknownNameError(
            f"SMP has no architecture {arch!r}: take one of {', '.join(architectures())}; "
            "segzoo.create_model has more decoders"
        )
    return kind(
        encoder_name=encoder_name, encoder_weights=encoder_weights, in_channels=in_channels, classes=classes, **kwargs
    )


def from_pretrained(
    pretrained_model_name_or_path: str | PathLike[str], *, strict: bool = True, **options: Any
) -> Model:
    """Load a model that this room or SMP itself saved, in eval mode, whatever its architecture.

    :param pretrained_model_name_or_path: a folder, or a hub id.
    :param strict: False lets weights of other shapes begin anew, with a warning.
    :param options: `revision` of a hub id, and arguments to build with in place of those that were saved.
    :raises CheckpointError: for what is no such model, or whose weights don't fit.
    """
    return saving.load(architectures(), pretrained_model_name_or_path, strict=strict, **options)
