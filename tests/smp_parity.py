"""segmentation_models_pytorch as a peer: its models, their counterparts here, and what tells whether they agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import segmentation_models_pytorch as smp
import torch
from foreign import disturb
from torch import Tensor, nn

import segzoo
from segzoo_smp.translation import Translation, translate


def create_peer(architecture: str, **arguments: Any) -> nn.Module:
    """One of SMP's models, 3 classes, random weights."""
    torch.manual_seed(0)
    return smp.create_model(architecture, encoder_weights=None, classes=3, **arguments)


def counterparts(architecture: str, **arguments: Any) -> tuple[nn.Module, segzoo.SegmentationModel, Translation]:
    """One of SMP's models, and segzoo's with its weights, neither with dropout."""
    peer = disturb(create_peer(architecture, **arguments))
    translation = translate({"architecture": architecture, "classes": 3, **arguments})
    model = segzoo.create_model(**translation.arguments)
    model.load_state_dict(translation.rename(peer.state_dict()), strict=True)
    return without_chance(peer), without_chance(model), translation


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def without_chance(model: nn.Module) -> nn.Module:
    """The model with its dropout and its stochastic depth off, so that a training step has one result."""
    for module in model.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.p = 0.0
        elif hasattr(module, "drop_prob"):
            module.drop_prob = 0.0
    return model


def assert_same_gradients(
    peer: nn.Module, model: nn.Module, image: Tensor, translation: Translation, tolerance: float = 1e-4
) -> None:
    """Of one training step, each parameter's within a fraction of the largest gradient; give models without dropout.

    In float64: through batch norms the rounding of float32 grows to a thousandth of a gradient.
    """
    image = image.double()
    target = torch.randint(peer.double().train()(image).shape[1], (image.shape[0], *image.shape[-2:]))
    for each in (peer, model):
        each.double().train().zero_grad()
        nn.functional.cross_entropy(each(image), target).backward()
    expected = translation.rename(gradients(peer))
    largest = max(gradient.abs().max() for gradient in expected.values())
    got = gradients(model)
    assert got.keys() == expected.keys()
    for name, gradient in expected.items():
        assert (got[name] - gradient).abs().max() <= tolerance * largest, name


def gradients(model: nn.Module) -> Mapping[str, Tensor]:
    return {name: each.grad for name, each in model.named_parameters() if each.grad is not None}
