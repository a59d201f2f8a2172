"""PEM."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="pem",
            target="segzoo_pem.decoder:PEMDecoder",
            summary="a light Mask2Former: each query takes the one pixel most like it, of a pyramid of convolutions",
            paper="arXiv:2402.19422",
            license="Apache-2.0",
        )
    ]
