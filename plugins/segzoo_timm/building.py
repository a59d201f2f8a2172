"""Building a timm model without its classifier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import timm

from segzoo_timm.extraction import Body


def build(name: str, in_channels: int, arguments: Mapping[str, Any], **more: Any) -> Body:
    """A model of timm's, without a classifier.

    :param arguments: for timm's `create_model`, as `more` are.
    """
    try:
        return timm.create_model(name, in_chans=in_channels, num_classes=0, **arguments, **more)
    except TypeError:
        if "output_stride" not in arguments:
            raise
        own = {option: value for option, value in arguments.items() if option != "output_stride"}
        body = timm.create_model(name, in_chans=in_channels, num_classes=0, **own, **more)
        extractor = timm.create_model(name, in_chans=in_channels, features_only=True, **arguments, **more)
        return _with_dilated_layers(body, extractor)


def _with_dilated_layers(body: Body, extractor: Body) -> Body:
    """A model with the layers of timm's own feature extractor, where that alone takes an output stride."""
    for child, layer in extractor.named_children():
        if type(getattr(body, child, None)) is type(layer):
            setattr(body, child, layer)
    return body


def family(body: Body) -> str:
    """The module of timm that a model is from."""
    return type(body).__module__.rpartition(".")[2]
