"""The all-MLP decoder of SegFormer."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="segformer",
            target="segzoo_segformer.decoder:SegFormerDecoder",
            summary="one linear layer per stage, resized, joined and mixed by another",
            paper="arXiv:2105.15203",
            license="Apache-2.0",
        )
    ]
