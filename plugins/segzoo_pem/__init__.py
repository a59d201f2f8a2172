"""PEM."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="pem",
            target="segzoo_pem.decoder:PEMDecoder",
            summary="a light Mask2Former: of each level a query takes the pixel that is most like it",
            good_for="Classes, objects and segments where Mask2Former is too slow.",
            paper="arXiv:2402.19422",
            license="Apache-2.0",
        )
    ]
