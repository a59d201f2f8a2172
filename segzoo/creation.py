"""Building a model: plan first, then the weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import Any

from torch import nn

from segzoo.decoder import Decoder
from segzoo.encoder import Pretrained
from segzoo.handshake.arguments import Arguments
from segzoo.handshake.negotiation import negotiate
from segzoo.head import Classes
from segzoo.model import SegmentationModel
from segzoo.neck import Neck


def create_model(
    encoder: str | type[nn.Module] | nn.Module,
    decoder: str | type[Decoder] | Decoder,
    *,
    classes: int | None = None,
    in_channels: int = 3,
    depth: int | None = None,
    img_size: int | tuple[int, int] | None = None,
    pretrained: Pretrained = False,
    neck: str | type[Neck] | None = "auto",
    encoder_options: Mapping[str, Any] | None = None,
    decoder_options: Mapping[str, Any] | None = None,
    heads: Mapping[str, int] | None = None,
    auxiliary: Sequence[int] = (),
    strict_size: bool = False,
) -> SegmentationModel:
    """Create a segmentation model from any encoder and any decoder.

    :param encoder: a name (`segzoo encoders`), or a class or module that honours `segzoo.Encoder`'s contract.
    :param decoder: a name (`segzoo decoders`), or a `segzoo.Decoder` class or module.
    :param classes: how many, for one head, whose logits are a tensor (B, classes, H, W).
    :param in_channels: of the image.
    :param depth: the encoder's deepest stage, from 1 on; its own if None.
    :param img_size: side, or (height, width), in pixels, to build the encoder for where its weights depend on it. The
        model takes any size all the same.
    :param pretrained: the encoder's weights: False, True (its published ones) or a local file.
    :param neck: "auto" (as the plan finds), None (none), or the name or class of one to use.
    :param encoder_options: the encoder's own. `output_stride` and `prefix` are demands here: refused ones are errors.
    :param decoder_options: the decoder's own.
    :param heads: instead of `classes`: several named heads, `{name: classes}`; the logits are then a dict.
    :param auxiliary: stages that carry an auxiliary FCN head, for a second loss: `model(image, auxiliary=True)`.
    :param strict_size: raise for an image size that the encoder doesn't take as it is, rather than pad or resize.
    :raises NegotiationError: when encoder and decoder can't work together; before any weight exists.
    :raises UnknownNameError: when no plugin provides a name; AmbiguousNameError when several do.
    :raises OptionError: for an option that is unknown or out of range.
    :raises CheckpointError: when pretrained weights can't be had or don't fit.
    :raises ContractError: when a part doesn't do what it declares.

    >>> import segzoo, torch
    >>> model = segzoo.create_model("resnet18", "unet", classes=7)
    >>> model(torch.rand(2, 3, 97, 131)).shape
    torch.Size([2, 7, 97, 131])
    """
    arguments = Arguments.of(
        encoder=encoder,
        decoder=decoder,
        classes=classes,
        heads=heads,
        in_channels=in_channels,
        depth=depth,
        img_size=img_size,
        neck=neck,
        encoder_options=encoder_options,
        decoder_options=decoder_options,
        auxiliary=auxiliary,
        strict_size=strict_size,
    )
    agreement = negotiate(arguments)
    model = SegmentationModel.of(agreement, Classes.of(classes, heads), pretrained)
    model.from_published = None if isinstance(pretrained, str | PathLike) else pretrained
    plan = agreement.plan
    model.config = replace(
        arguments,
        encoder=plan.encoder.id,
        decoder=plan.decoder.id,
        neck=neck if neck in ("auto", None) else plan.neck and plan.neck.id,
        auxiliary=plan.auxiliary,
    ).to_dict()
    return model
