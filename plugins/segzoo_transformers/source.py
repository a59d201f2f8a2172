"""The encoders for the weights of imported models, by name."""

from __future__ import annotations

from collections.abc import Callable

import segzoo
from segzoo.options import check_options, declared_options
from segzoo_transformers.beit_encoder import BeitPyramid
from segzoo_transformers.index import BEIT, PREFIX, TransformersIndex
from segzoo_transformers.mobilevit_encoder import TransformersMobileViT

BEIT_OPTIONS = declared_options(BeitPyramid, filled=("in_channels",))
DEPTHS = (1, 2, 3, 4, 5)


class TransformersSource(TransformersIndex, segzoo.EncoderSource):
    """`transformers-beit`, with `BeitPyramid`'s options, and `transformers-mobilevit_s`, `_xs` and `_xxs`.

    Listings leave them out, since timm's serve new models as well.
    """

    def create(
        self, name: str, request: segzoo.EncoderRequest, pretrained: segzoo.Pretrained = False
    ) -> segzoo.Encoder:
        if request.prefix is not None:
            raise segzoo.NegotiationError(f"{name} can't give prefix={request.prefix!r}: its maps have no class token")
        build: Callable[[segzoo.EncoderRequest], segzoo.Encoder]
        build = _beit if name == BEIT else lambda asked: _mobilevit(name, asked)
        encoder = build(request)
        if pretrained is not False:
            raise segzoo.CheckpointError(
                f"{name} has no published weights by itself; import a whole model of transformers', or take timm's "
                "'beit_base_patch16_224' or 'mobilevit_s'"
            )
        return encoder


def _beit(request: segzoo.EncoderRequest) -> BeitPyramid:
    if request.output_stride is not None:
        raise segzoo.NegotiationError(f"{BEIT} can't be dilated to stride {request.output_stride}")
    if request.depth not in (None, DEPTHS[-1]):
        raise segzoo.OptionError(f"{BEIT} has no depth {request.depth!r}; it has {DEPTHS[-1]}")
    check_options(BEIT, BEIT_OPTIONS, request.options)
    return BeitPyramid(in_channels=request.in_channels, **request.options)


def _mobilevit(name: str, request: segzoo.EncoderRequest) -> TransformersMobileViT:
    depth = DEPTHS[-1] if request.depth is None else request.depth
    if depth not in DEPTHS:
        raise segzoo.OptionError(f"{name} has no depth {depth!r}; give one from {DEPTHS[0]} to {DEPTHS[-1]}")
    if request.options:
        raise segzoo.OptionError(f"{name} has no option {', '.join(request.options)}; it has none")
    if request.output_stride not in (None, 8, 16, 32):
        raise segzoo.NegotiationError(f"{name} can't be dilated to stride {request.output_stride}, to 8 or 16 only")
    return TransformersMobileViT(name.removeprefix(PREFIX), request.in_channels, depth, request.output_stride or 32)
