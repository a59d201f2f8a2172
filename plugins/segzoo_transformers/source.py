"""The encoders for the weights of imported models, by name."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature

import segzoo
from segzoo.options import check_options, declared_options
from segzoo_transformers.beit_encoder import BeitPyramid
from segzoo_transformers.index import BEIT, PREFIX, SAPIENS2, TIPSV2, TransformersIndex
from segzoo_transformers.mobilevit_encoder import TransformersMobileViT
from segzoo_transformers.sapiens2_encoder import Sapiens2Transformer
from segzoo_transformers.tipsv2_encoder import TIPSv2Transformer

OF_ANY_WIDTH: dict[str, Callable[..., segzoo.Encoder]] = {
    BEIT: BeitPyramid,
    SAPIENS2: Sapiens2Transformer,
    TIPSV2: TIPSv2Transformer,
}
INSTEAD = {
    BEIT: "beit_base_patch16_224",
    SAPIENS2: "vit_base_patch16_sapiens2",
    TIPSV2: "vit_base_patch14_reg1_tipsv2",
}
"""Timm's, with published weights."""
FILLED = ("in_channels", "class_token")
DEPTHS = (1, 2, 3, 4, 5)


class TransformersSource(TransformersIndex, segzoo.EncoderSource):
    """`transformers-beit`, `-sapiens2` and `-tipsv2`, and `-mobilevit_s`, `-mobilevit_xs` and `-mobilevit_xxs`.

    The first three have their classes' options, the others none. Listings leave them out, since timm's serve new models
    as well.
    """

    def create(
        self, name: str, request: segzoo.EncoderRequest, pretrained: segzoo.Pretrained = False
    ) -> segzoo.Encoder:
        if request.prefix is not None and not _has_class_token(name):
            raise segzoo.NegotiationError(f"{name} can't give prefix={request.prefix!r}: its maps have no class token")
        if pretrained is not False:
            raise segzoo.CheckpointError(
                f"{name} has no published weights by itself; import a whole model of transformers', or take timm's "
                f"{INSTEAD.get(name, name.removeprefix(PREFIX))!r}"
            )
        return _of_any_width(name, request) if name in OF_ANY_WIDTH else _mobilevit(name, request)


def _has_class_token(name: str) -> bool:
    return name in OF_ANY_WIDTH and "class_token" in signature(OF_ANY_WIDTH[name]).parameters


def _of_any_width(name: str, request: segzoo.EncoderRequest) -> segzoo.Encoder:
    if request.output_stride is not None:
        raise segzoo.NegotiationError(f"{name} can't be dilated to stride {request.output_stride}")
    if request.depth not in (None, DEPTHS[-1]):
        raise segzoo.OptionError(f"{name} has no depth {request.depth!r}; it has {DEPTHS[-1]}")
    build = OF_ANY_WIDTH[name]
    check_options(name, declared_options(build, FILLED), request.options)
    token = {"class_token": True} if request.prefix else {}
    return build(in_channels=request.in_channels, **token, **request.options)


def _mobilevit(name: str, request: segzoo.EncoderRequest) -> TransformersMobileViT:
    depth = DEPTHS[-1] if request.depth is None else request.depth
    if depth not in DEPTHS:
        raise segzoo.OptionError(f"{name} has no depth {depth!r}; give one from {DEPTHS[0]} to {DEPTHS[-1]}")
    if request.options:
        raise segzoo.OptionError(f"{name} has no option {', '.join(request.options)}; it has none")
    if request.output_stride not in (None, 8, 16, 32):
        raise segzoo.NegotiationError(f"{name} can't be dilated to stride {request.output_stride}, to 8 or 16 only")
    return TransformersMobileViT(name.removeprefix(PREFIX), request.in_channels, depth, request.output_stride or 32)
