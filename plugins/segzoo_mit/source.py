"""The six Mix Transformers by name."""

from __future__ import annotations

from collections.abc import Sequence

import segzoo
from segzoo.options import check_options, declared_options
from segzoo_mit.encoder import MixTransformer
from segzoo_mit.weights import load_pretrained

VARIANTS = {  # channels and blocks of the four stages: table 6 of the paper
    "mit_b0": ((32, 64, 160, 256), (2, 2, 2, 2)),
    "mit_b1": ((64, 128, 320, 512), (2, 2, 2, 2)),
    "mit_b2": ((64, 128, 320, 512), (3, 4, 6, 3)),
    "mit_b3": ((64, 128, 320, 512), (3, 4, 18, 3)),
    "mit_b4": ((64, 128, 320, 512), (3, 8, 27, 3)),
    "mit_b5": ((64, 128, 320, 512), (3, 6, 40, 3)),
}
OPTIONS = declared_options(MixTransformer, filled=("channels", "blocks", "in_channels", "depth"))


class MixTransformerSource(segzoo.EncoderSource):
    """`mit_b0` to `mit_b5`, with one option: `drop_path_rate`."""

    def names(self) -> Sequence[str]:
        return list(VARIANTS)

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
