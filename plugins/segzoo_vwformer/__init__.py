"""VWFormer."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="vwformer",
            target="segzoo_vwformer.decoder:VWFormerDecoder",
            summary="window attention whose context is 2, 4 and 8 times as wide as the window",
            good_for="Context of several sizes on top of an encoder of any kind, for less than UPerNet costs.",
            paper="arXiv:2404.16573",
            license="Apache-2.0",
        ),
    ]
