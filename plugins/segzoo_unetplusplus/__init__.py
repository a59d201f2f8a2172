"""U-Net++."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="unetplusplus",
            target="segzoo_unetplusplus.decoder:UNetPlusPlusDecoder",
            summary="U-Net with nested nodes between encoder and decoder, densely joined",
            good_for=(
                "Medical images and other fine structures where time matters less: it joins more maps than U-Net, "
                "and takes several times its multiply-adds."
            ),
            paper="arXiv:1807.10165",
            license="Apache-2.0",
        )
    ]
