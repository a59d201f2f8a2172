"""U-Net++."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="unetplusplus",
            target="segzoo_unetplusplus.decoder:UNetPlusPlusDecoder",
            summary="U-Net with nested nodes between encoder and decoder, densely joined",
            paper="arXiv:1807.10165",
            license="Apache-2.0",
        )
    ]
