"""An inference copy of a model: the same outputs in less time."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any, NoReturn

import torch
from timm.utils import reparameterize_model
from torch import Tensor, nn

from segzoo.errors import CheckpointError, ContractError, OptionError
from segzoo.inference.fold import TOLERANCE, count_norms, difference, fold_norms
from segzoo.inference.merge import merge_linears
from segzoo.model import SegmentationModel
from segzoo.publishing.behaviour import standard_image


@dataclass(frozen=True)
class Optimization:
    """What was done to an inference copy.

    :param norms: batch norms that the model had.
    :param folded: how many of them are now part of a convolution.
    :param merged: linear layers that are now one matrix with the next.
    :param auxiliary: auxiliary heads that were left out.
    :param difference: the largest difference of a logit, as a part of the largest logit.
    """

    norms: int
    folded: int
    merged: int
    auxiliary: int
    difference: float

    def __str__(self) -> str:
        merged = f"{self.merged} linear layers merged with the next, " if self.merged else ""
        heads = f"{self.auxiliary} auxiliary head{'s'[: self.auxiliary > 1]} left out, " if self.auxiliary else ""
        return (
            f"optimized for inference: {self.folded} of {self.norms} batch norms folded, {merged}{heads}"
            f"logits within {self.difference:.0e} of the largest"
        )


class OptimizedModel(SegmentationModel):
    """What `optimize` returns: it infers, in eval mode, and can neither be trained nor saved.

    :ivar optimized: what was done; `print(model.optimized)`.
    """

    optimized: Optimization

    def train(self, mode: bool = True) -> OptimizedModel:
        """Eval mode alone.

        :raises OptionError: for train mode.
        """
        if mode:
            raise OptionError(
                "an optimized copy can't be trained, since its batch norms are part of the convolutions: train the "
                "original, and optimize that again"
            )
        super().train(mode)
        return self

    def save_pretrained(self, folder: str | PathLike[str], **claims: Any) -> NoReturn:
        """Nothing is saved.

        :raises CheckpointError: always.
        """
        raise CheckpointError(
            f"an optimized copy can't be saved to {str(folder)!r}, since its plugins don't build its layers: save the "
            "original, and optimize what segzoo.from_pretrained loads"
        )

    def extra_repr(self) -> str:
        return str(self.optimized)


def optimize(model: SegmentationModel, *, compile: bool = False) -> OptimizedModel:
    """Copy a model for inference: the same logits, within 1e-4 of the largest, in less time.

    Batch norms are folded into convolutions with torch's own fusion, in the encoder too; an encoder of timm's whose
    branches can be merged (RepVGG, MobileOne, FastViT, LeViT) has them merged by timm. Linear layers that follow each
    other are one matrix. Convolutions compute with the channels last, but for those of a decoder that declares another
    layout. Auxiliary heads and gradient checkpointing are left out, and no parameter asks for a gradient. The original
    stays as it is.

    The logits of one image are held against the original's before the copy is returned, in float32 on the CPU.

    :param compile: whether `torch.compile` compiles the copy's forward, at its first call.
    :returns: a model whose `optimized` says what was done. It can neither be trained nor saved.
    :raises CheckpointError: for a model on the meta device, which has no weights.
    :raises ContractError: when the copy's logits differ, such as those of a model whose forward is random.

    >>> import segzoo
    >>> print(segzoo.optimize(segzoo.create_model("resnet18", "unet", classes=7)).optimized)  # doctest: +ELLIPSIS
    optimized for inference: 30 of 30 batch norms folded, logits within ...
    """
    parameter = next(model.parameters())
    if parameter.is_meta:
        raise CheckpointError("a model on the meta device has no weights to optimize: build it on another device")
    with torch.no_grad(), torch.device("cpu"):
        optimized = _without_training(copy.deepcopy(model).to("cpu", torch.float32))
        image = standard_image(optimized)
        another = image.flip(-1)
        expected = _logits(optimized, another)
        norms = count_norms(optimized)
        _merge_branches(optimized.encoder)
        fold_norms(optimized, image)
        merged = merge_linears(optimized, image)
        optimized.to(memory_format=torch.channels_last)  # which convolutions take from their weights
        if optimized.decoder.memory_format is not None:
            optimized.decoder.to(memory_format=optimized.decoder.memory_format)
        differences = [difference(*each) for each in zip(_logits(optimized, another), expected, strict=True)]
    worst = max(differences)
    if not all(each <= TOLERANCE for each in differences):  # nor are two logits alike that are no numbers
        raise ContractError(
            f"the optimized copy's logits differ by {worst:.1e} of the largest, and {TOLERANCE:.0e} is allowed: use "
            "the original. Its forward may be random, its logits not finite, or decided by how float32 rounds"
        )
    folded = norms - count_norms(optimized)
    optimized.optimized = Optimization(norms, folded, merged, len(model.auxiliary) + len(model.coarser), worst)
    optimized.to(parameter.device, parameter.dtype).requires_grad_(False)
    if compile:
        optimized.compile()
    return optimized


def _without_training(model: SegmentationModel) -> OptimizedModel:
    """A model of the same parts, but for what only training needs, in eval mode."""
    plan = replace(model.plan, auxiliary=())
    optimized = OptimizedModel(model.encoder, model.neck, model.decoder, model.head, {}, plan, model.preprocessing)
    optimized.config, optimized.labels = model.config, model.labels
    optimized.set_grad_checkpointing(False)
    optimized.eval()
    return optimized


def _merge_branches(encoder: nn.Module) -> None:
    """Let timm merge the branches of its own blocks, which say by a method how that is done."""
    if not any(isinstance(getattr(module, "fuse", None), nn.Module) for module in encoder.modules()):
        reparameterize_model(encoder, inplace=True)


def _logits(model: SegmentationModel, image: Tensor) -> list[Tensor]:
    logits = model(image)
    return list(logits.values()) if isinstance(logits, dict) else [logits]
