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


UP_STEP: Rules = [
    (r"\.conv1\.0\.", ".join.conv."),
    (r"\.conv1\.1\.", ".join.norm."),
    (r"\.conv2\.0\.", ".refine.conv."),
    (r"\.conv2\.1\.", ".refine.norm."),
    (r"\.attention1\.attention\.", ".recalibrate_joined."),
    (r"\.attention2\.attention\.", ".recalibrate."),
    (r"\.cSE\.1\.", ".channel.squeeze."),
    (r"\.cSE\.3\.", ".channel.excite."),
    (r"\.sSE\.0\.", ".pixel."),
]
"""For the steps of U-Net and its descendants."""
MIT_ENCODER: Rules = [
    *((rf"^encoder\.patch_embed{stage}\.", f"encoder.stages.{stage - 1}.patches.") for stage in range(1, 5)),
    *((rf"^encoder\.block{stage}\.", f"encoder.stages.{stage - 1}.blocks.") for stage in range(1, 5)),
    *((rf"^encoder\.norm{stage}\.", f"encoder.stages.{stage - 1}.norm.") for stage in range(1, 5)),
    (r"(patches|reduction)\.proj\.", r"\1.projection."),
    (r"\.norm1\.", ".attention_norm."),
    (r"\.norm2\.", ".ffn_norm."),
    (r"\.attn\.sr\.", ".attention.reduction.projection."),
    (r"\.attn\.norm\.", ".attention.reduction.norm."),
    (r"\.attn\.q\.", ".attention.query."),
    (r"\.attn\.kv\.", ".attention.{key,value}."),
    (r"\.attn\.proj\.", ".attention.output."),
    (r"\.mlp\.fc1\.", ".ffn.expand."),
    (r"\.mlp\.fc2\.", ".ffn.contract."),
    (r"\.mlp\.dwconv\.dwconv\.", ".ffn.depthwise."),
]
"""For SMP's `mit_b0` to `mit_b5`."""


def renamed(weights: Mapping[str, Tensor], rules: Rules) -> dict[str, Tensor]:
    """SMP's weights under segzoo's names; a new name with `{one,other}` splits the weight evenly between them."""
    result = {}
    for name, value in weights.items():
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        split = re.fullmatch(r"(.*)\{(.*)\}(.*)", name)
        if split:
            before, parts, after = split.groups()
            names = [before + part + after for part in parts.split(",")]
            result |= zip(names, value.chunk(len(names)), strict=True)
        else:
            result[name] = value
    return result


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


def carry_over(peer: nn.Module, model: segzoo.SegmentationModel, rules: Rules) -> None:
    """Load SMP's weights, every one of them, and leave none of ours untouched."""
    model.load_state_dict(shaped_as(model.state_dict(), renamed(peer.state_dict(), rules)), strict=True)


def shaped_as(own: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A linear layer's weight (out, in) is that of a 1x1 convolution, (out, in, 1, 1)."""
    return {
        name: value[..., None, None] if name in own and own[name].shape == (*value.shape, 1, 1) else value
        for name, value in weights.items()
    }


def assert_same_logits(peer: nn.Module, model: nn.Module, image: Tensor, tolerance: float = 1e-4) -> None:
    """In eval mode, within a fraction of the largest logit."""
    with torch.no_grad():
        expected, got = peer.eval()(image), model.eval()(image)
    assert (got - expected).abs().max() <= tolerance * expected.abs().max()


def assert_same_gradients(
    peer: nn.Module, model: nn.Module, image: Tensor, rules: Rules, tolerance: float = 1e-4
) -> None:
    """Of one training step, each parameter's within a fraction of the largest gradient; give models without dropout.

    In float64: through batch norms the rounding of float32 grows to a thousandth of a gradient.
    """
    image = image.double()
    target = torch.randint(peer.double().train()(image).shape[1], (image.shape[0], *image.shape[-2:]))
    for each in (peer, model):
        each.double().train().zero_grad()
        nn.functional.cross_entropy(each(image), target).backward()
    expected = renamed({name: p.grad for name, p in peer.named_parameters() if p.grad is not None}, rules)
    largest = max(gradient.abs().max() for gradient in expected.values())
    got = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    expected = shaped_as(got, expected)
    assert got.keys() == expected.keys()
    for name, gradient in expected.items():
        assert (got[name] - gradient).abs().max() <= tolerance * largest, name
