"""The six Mix Transformers by name."""

from __future__ import annotations

import segzoo
from segzoo.options import check_options, declared_options
from segzoo_mit.encoder import MixTransformer
from segzoo_mit.index import VARIANTS, MixTransformerIndex
from segzoo_mit.weights import load_pretrained

OPTIONS = declared_options(MixTransformer, filled=("channels", "blocks", "in_channels", "depth"))


class MixTransformerSource(MixTransformerIndex, segzoo.EncoderSource):
    """`mit_b0` to `mit_b5`, with one option: `drop_path_rate`."""

    def create(
        self, name: str, request: segzoo.EncoderRequest, pretrained: segzoo.Pretrained = False
    ) -> MixTransformer:
        if request.output_stride is not None:
            raise segzoo.NegotiationError(
                f"{name} can't be dilated to output stride {request.output_stride}: a finer grid would change what its "
                "overlapping patches and the reduction of its attention were trained for"
            )
        if request.prefix is not None:
            raise segzoo.NegotiationError(f"{name} can't give prefix={request.prefix!r}: it has no class token")
        check_options(name, OPTIONS, request.options)
        channels, blocks = VARIANTS[name]
        encoder = MixTransformer(
            channels, blocks, in_channels=request.in_channels, depth=request.depth, **request.options
        )
        if pretrained is not False:
            load_pretrained(encoder, name, pretrained)
        return encoder
