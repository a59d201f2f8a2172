"""Taking maps out of a timm model: one call for all architectures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

Layout = Literal["NCHW", "NLC"]
"""How a model is asked for its maps: as maps, or as tokens that are laid out here."""


def extract(body: nn.Module, image: Tensor, indices: Sequence[int], layout: Layout = "NCHW") -> list[Tensor]:
    """The maps (B, C, h, w) of some of a timm model's features.

    :param indices: into the model's `feature_info`.
    """
    features = body.forward_intermediates(image, indices=list(indices), output_fmt=layout, intermediates_only=True)
    if layout == "NCHW":
        return list(features)
    strides = [body.feature_info[index]["reduction"] for index in indices]
    return [_laid_out(tokens, image, stride) for tokens, stride in zip(features, strides, strict=True)]


def extract_with_class_token(body: nn.Module, image: Tensor, indices: Sequence[int]) -> list[Tensor]:
    """The same, the class token of each feature appended to the channels of its map, equal everywhere."""
    features = body.forward_intermediates(
        image, indices=list(indices), return_prefix_tokens=True, output_fmt="NCHW", intermediates_only=True
    )
    return [_join(feature, prefix[:, 0]) for feature, prefix in features]


def _join(feature: Tensor, token: Tensor) -> Tensor:
    return torch.cat([feature, token[:, :, None, None].expand(-1, -1, *feature.shape[-2:])], dim=1)


def _laid_out(tokens: Tensor, image: Tensor, stride: int) -> Tensor:
    return tokens.transpose(1, 2).unflatten(2, (image.shape[-2] // stride, image.shape[-1] // stride))
