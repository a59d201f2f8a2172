"""MA-Net."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="manet",
            target="segzoo_manet.decoder:MANetDecoder",
            summary="U-Net with attention among positions at the bottom and among channels at each skip",
            good_for=(
                "Medical images, where what belongs together lies far apart. The attention at the bottom compares "
                "all pairs of positions, so its memory grows quickly with the image."
            ),
            paper="doi:10.1109/ACCESS.2020.3025372",
            license="Apache-2.0",
        )
    ]
