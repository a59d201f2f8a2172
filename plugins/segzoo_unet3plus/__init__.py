"""UNet 3+."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="unet3plus",
            target="segzoo_unet3plus.decoder:UNet3PlusDecoder",
            summary="each scale joined with every scale of encoder and decoder",
            good_for=(
                "Objects of very different sizes, since each scale sees all others. On a pyramid it is among the "
                "costliest decoders."
            ),
            paper="arXiv:2004.08790",
            license="Apache-2.0",
        )
    ]
