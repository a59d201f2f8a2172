"""U-Net."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="unet",
            target="segzoo_unet.decoder:UNetDecoder",
            summary="grows stage by stage, each joined with the encoder's map of that size",
            good_for=(
                "A first choice for small data, thin structures and exact outlines: it comes back to the image's "
                "own resolution, for about what FPN costs."
            ),
            paper="arXiv:1505.04597",
            license="Apache-2.0",
        )
    ]
