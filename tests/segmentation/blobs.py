"""Queries without a network: smooth masks with random classes."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import Tensor
from torch.nn import functional as F


def blobs(queries: int, size: tuple[int, int], seed: int = 0, scale: float = 30.0) -> Tensor:
    """Mask logits (Q, h, w) of a few large blobs each."""
    coarse = torch.randn(1, queries, 4, 5, generator=torch.Generator().manual_seed(seed)) * scale
    return F.interpolate(coarse, size, mode="bicubic")[0]


def sure_classes(queries: int, classes: int, seed: int = 0) -> Tensor:
    """Class logits (Q, classes + 1): some certain, some less so, some no object."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(classes + 1, (queries,), generator=generator)
    return F.one_hot(labels, classes + 1) * (3 + 6 * torch.rand(queries, 1, generator=generator))


def outputs(masks: Tensor, classes: Tensor) -> SimpleNamespace:
    """What transformers' processors take."""
    return SimpleNamespace(masks_queries_logits=masks[None], class_queries_logits=classes[None])
