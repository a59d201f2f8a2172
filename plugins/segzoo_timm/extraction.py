"""Taking features out of a timm model: the same few calls for all architectures."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, Literal

import torch
from timm.models.eva import Eva
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor

Body = Any
"""A model of timm's: a module with `feature_info`, `forward_intermediates` and more that no type declares."""

Layout = Literal["NCHW", "NLC"]
"""How a model is asked for its features: as maps, or as tokens that are laid out here.

Some models lay them out by the value of a tensor, and so neither run on the meta device nor can be exported; asked for
tokens, they do and can.
"""


def extract(body: Body, image: Tensor, indices: Sequence[int], layout: Layout = "NCHW") -> list[Tensor]:
    """Maps of a timm model.

    :param image: (B, in_channels, H, W).
    :param indices: into the model's `feature_info`.
    :returns: (B, C, h, w) for each index.
    """
    features = body.forward_intermediates(image, indices=list(indices), output_fmt=layout, intermediates_only=True)
    if layout == "NCHW":
        return list(features)
    strides = [body.feature_info[index]["reduction"] for index in indices]
    return [
        tokens.transpose(1, 2).unflatten(2, (image.shape[-2] // stride, image.shape[-1] // stride))
        for tokens, stride in zip(features, strides, strict=True)
    ]


def extract_with_class_token(body: Body, image: Tensor, indices: Sequence[int]) -> list[Tensor]:
    """The same with the class token of each feature appended to its channels, equal all over the map."""
    features = body.forward_intermediates(
        image, indices=list(indices), return_prefix_tokens=True, output_fmt="NCHW", intermediates_only=True
    )
    return [
        torch.cat([feature, prefix[:, 0, :, None, None].expand(-1, -1, *feature.shape[-2:])], dim=1)
        for feature, prefix in features
    ]


def class_token_channels(body: Body, image: Tensor, indices: Sequence[int]) -> tuple[int, ...] | None:
    """Channels of the class token at each feature, None where there is no class token.

    Registers are prefix tokens too, and stand after it; what they hold is no summary of the image.
    """
    if "return_prefix_tokens" not in inspect.signature(body.forward_intermediates).parameters:
        return None
    if getattr(body, "num_prefix_tokens", 1) == 0:  # asked all the same, some of timm's fail
        return None
    features = body.forward_intermediates(
        image, indices=list(indices), return_prefix_tokens=True, output_fmt="NCHW", intermediates_only=True
    )
    prefixes = [feature[1] for feature in features if isinstance(feature, tuple | list)]
    registers = getattr(body, "num_reg_tokens", 0)
    if len(prefixes) < len(indices) or any(prefix.shape[1] <= registers for prefix in prefixes):
        return None
    return tuple(prefix.shape[-1] for prefix in prefixes)


def drivable_blocks(body: Body) -> int:
    """How many blocks a decoder could drive: all that are run as `VisionTransformer` or `Eva` run theirs, else none."""
    plain = any(
        isinstance(body, kind) and type(body).forward_intermediates is kind.forward_intermediates
        for kind in (VisionTransformer, Eva)
    )
    return len(body.blocks) if plain and body.dynamic_img_size else 0
