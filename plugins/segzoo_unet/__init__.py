"""U-Net."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="unet",
            target="segzoo_unet.decoder:UNetDecoder",
            summary="grows stage by stage, each joined with the encoder's map of that size",
            paper="arXiv:1505.04597",
            license="Apache-2.0",
        )
    ]
