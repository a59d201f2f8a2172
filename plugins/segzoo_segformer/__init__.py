"""The all-MLP decoder of SegFormer."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="segformer",
            target="segzoo_segformer.decoder:SegFormerDecoder",
            summary="one linear layer per stage, resized, joined and mixed by another",
            good_for=(
                "Encoders that see far by themselves, such as Mix Transformer: it mixes channels and adds next to "
                "no context of its own. It is one of the fastest."
            ),
            paper="arXiv:2105.15203",
            license="Apache-2.0",
        )
    ]
