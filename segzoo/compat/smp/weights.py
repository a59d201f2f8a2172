"""Weights as SMP's scripts have them: by SMP's names, of SMP's hub, of another shape."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from timm.models import adapt_input_conv
from torch import Tensor

from segzoo.constructors import Construction
from segzoo.errors import CheckpointError, CheckpointWarning
from segzoo.model import SegmentationModel
from segzoo.publishing import hub
from segzoo.weights import read_weights

OWN, CLASSIFICATION, THEIRS = "segmenter.", "classification_head.", "segmentation_head."
"""What names of weights begin with: the segmentation model's here, both libraries' classifier's, SMP's alone."""
COLOURS = 3


def with_own_names(weights: Mapping[str, Tensor], construction: Construction) -> dict[str, Tensor]:
    """The weights of one of SMP's models by the names that they have here.

    :raises CheckpointError: for a name that the model has no place for.
    """
    whole = {name: weight for name, weight in weights.items() if name.startswith(CLASSIFICATION)}
    renamed = construction.rename({name: weight for name, weight in weights.items() if name not in whole})
    return {**{OWN + name: weight for name, weight in renamed.items()}, **whole}


def without_other_shapes(weights: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights that have the model's shapes; a warning names the others, which stay as they are in the model."""
    other = [name for name, weight in weights.items() if name in own and own[name].shape != weight.shape]
    if other:
        warnings.warn(f"not loaded, since the shapes differ: {', '.join(other)}", CheckpointWarning, stacklevel=4)
    return {name: weight for name, weight in weights.items() if name not in other}


def load_encoder_weights(model: SegmentationModel, construction: Construction) -> None:
    """Let the encoder begin from the weights that SMP publishes; for other channels than three, as timm adapts them.

    :raises CheckpointError: when they can't be had or don't fit.
    """
    if construction.encoder_weights is None:
        return
    given = _published(construction.encoder_weights)
    renamed = construction.rename({f"encoder.{name}": weight for name, weight in given.items()})
    own = model.encoder.state_dict()
    loaded: dict[str, Any] = {}
    for name, weight in renamed.items():
        name, channels = name.removeprefix("encoder."), model.plan.request.in_channels
        if name in own and weight.ndim == 4 and (weight.shape[1], own[name].shape[1]) == (COLOURS, channels):
            weight = adapt_input_conv(channels, weight)
        loaded[name] = weight
    try:
        model.encoder.load_state_dict(loaded)
    except RuntimeError as error:
        raise CheckpointError(f"{construction.encoder_weights!r} doesn't fit: {error}") from error


def _published(repo_id: str) -> dict[str, Tensor]:
    try:
        folder: Path = hub.download(repo_id)
        return read_weights(folder / "model.safetensors")
    except CheckpointError as error:
        raise CheckpointError(
            f"the encoder's weights can't be had: {error}. encoder_weights=None begins from random ones"
        ) from error
