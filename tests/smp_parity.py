"""Carrying weights over from segmentation_models_pytorch, and holding a model against its counterpart there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

import segzoo

Rules = Iterable[tuple[str, str]]
"""Regular expressions on SMP's names and what replaces them, applied in turn."""

HEAD: Rules = [(r"^segmentation_head\.0\.", "head.classifiers.logits.conv.")]
TIMM_ENCODER: Rules = [(r"^encoder\.(model\.)?", "encoder.body.")]
"""For SMP's own ResNets, which name their layers as timm does, and for its `tu-` encoders, which are timm's."""


def renamed(weights: Mapping[str, Tensor], rules: Rules) -> dict[str, Tensor]:
    """SMP's weights under segzoo's names."""
    result = {}
    for name, value in weights.items():
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        result[name] = value
    return result


def carry_over(peer: nn.Module, model: segzoo.SegmentationModel, rules: Rules) -> None:
    """Load SMP's weights, every one of them, and leave none of ours untouched."""
    model.load_state_dict(renamed(peer.state_dict(), rules), strict=True)


def assert_same_logits(peer: nn.Module, model: nn.Module, image: Tensor, tolerance: float = 1e-4) -> None:
    """In eval mode, within a fraction of the largest logit."""
    with torch.no_grad():
        expected, got = peer.eval()(image), model.eval()(image)
    assert (got - expected).abs().max() <= tolerance * expected.abs().max()


def assert_same_gradients(
    peer: nn.Module, model: nn.Module, image: Tensor, rules: Rules, tolerance: float = 1e-4
) -> None:
    """Of one training step, each parameter's within a fraction of the largest gradient; give models without dropout."""
    target = torch.randint(peer.train()(image).shape[1], (image.shape[0], *image.shape[-2:]))
    for each in (peer, model):
        each.train().zero_grad()
        nn.functional.cross_entropy(each(image), target).backward()
    expected = renamed({name: p.grad for name, p in peer.named_parameters() if p.grad is not None}, rules)
    largest = max(gradient.abs().max() for gradient in expected.values())
    got = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert got.keys() == expected.keys()
    for name, gradient in expected.items():
        assert (got[name] - gradient).abs().max() <= tolerance * largest, name
