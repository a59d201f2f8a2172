"""Swin Transformer by name."""

from __future__ import annotations

import segzoo
from segzoo.options import check_options, declared_options
from segzoo_swin.encoder import SwinTransformer
from segzoo_swin.index import SwinIndex

OPTIONS = declared_options(SwinTransformer, filled=("in_channels", "depth"))


class SwinSource(SwinIndex, segzoo.EncoderSource):
    """`swin`, with the options of `SwinTransformer`; the defaults are Swin-T's.

    It is there for the weights of imported models, and listings leave it out: for a new model timm's serve as well,
    with published weights.
    """

    def create(
        self, name: str, request: segzoo.EncoderRequest, pretrained: segzoo.Pretrained = False
    ) -> SwinTransformer:
        if request.output_stride is not None:
            raise segzoo.NegotiationError(f"{name} can't be dilated to output stride {request.output_stride}")
        if request.prefix is not None:
            raise segzoo.NegotiationError(f"{name} can't give prefix={request.prefix!r}: it has no class token")
        check_options(name, OPTIONS, request.options)
        if pretrained is not False:
            raise segzoo.CheckpointError(
                f"{name} has no published weights by itself; import a whole model of transformers or mmsegmentation, "
                "or take timm's 'swin_tiny_patch4_window7_224'"
            )
        return SwinTransformer(in_channels=request.in_channels, depth=request.depth, **request.options)
