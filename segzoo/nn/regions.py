"""Classes described by their pixels: Object-Contextual Representations, arXiv:1909.11065, equation 8."""

from __future__ import annotations

from torch import Tensor


def object_regions(pixels: Tensor, coarse: Tensor) -> Tensor:
    """The mean of all pixels for each class, weighted by how likely they are of it.

    :param pixels: (B, C, h, w).
    :param coarse: logits of a first guess, (B, K, h, w).
    :returns: (B, C, K, 1).
    """
    weights = coarse.flatten(2).softmax(dim=2)  # over the pixels: of each class a region
    return (pixels.flatten(2) @ weights.transpose(-2, -1))[..., None]
