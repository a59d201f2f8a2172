"""Decoders of queries held against peers: masks, classes, each earlier prediction, and gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

import segzoo

CHANNELS = (16, 24, 32, 40)
STRIDES = (4, 8, 16, 32)
SIZES = ((25, 33), (13, 17), (7, 9), (4, 5))
"""Of an image of 97x131."""

STAGES = segzoo.FeatureSpec(CHANNELS, STRIDES)


def maps(sizes: Sequence[tuple[int, int]] = SIZES, batch: int = 2, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    return [
        torch.randn(batch, channels, *size, dtype=dtype, requires_grad=dtype == torch.float64)
        for channels, size in zip(CHANNELS, sizes, strict=True)
    ]


def load_renamed(decoder: nn.Module, weights: Mapping[str, Tensor], table: segzoo.Table) -> None:
    """A peer's weights, by the names of a whole model, into the decoder alone."""
    renamed = segzoo.rename_weights(weights, table)
    decoder.load_state_dict({name.removeprefix("decoder."): weight for name, weight in renamed.items()}, strict=True)


def assert_same_predictions(
    got: segzoo.Queries, expected: Sequence[tuple[Tensor, Tensor]], features: Sequence[Tensor]
) -> None:
    """All predictions, first to last, and what a random sum of them all has for gradients at the maps."""
    ours = [*got.earlier, (got.masks, got.classes)]
    assert len(ours) == len(expected)
    for mine, theirs in zip(ours, expected, strict=True):
        for one, other in zip(mine, theirs, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)
    weights = [[torch.randn_like(each) for each in pair] for pair in ours]
    gradients = []
    for predictions in (ours, expected):
        loss = sum(
            (each * weight).sum()
            for pair, scales in zip(predictions, weights, strict=True)
            for each, weight in zip(pair, scales, strict=True)
        )
        gradients.append(torch.autograd.grad(loss, list(features), retain_graph=True))
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6 * float(other.abs().max()))
