"""The decoder of UNETR."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="unetr",
            target="segzoo_unetr.decoder:UNETRDecoder",
            summary="a U-Net whose skips are the image and blocks of a transformer, grown by deconvolutions",
            good_for=(
                "Plain transformers on medical images and microscopy: it comes back to the image's own resolution, "
                "and sees the image itself there."
            ),
            paper="arXiv:2103.10504",
            license="Apache-2.0",
        ),
    ]
