"""The decoder of TransUNet."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="transunet",
            target="segzoo_transunet.decoder:TransUNetDecoder",
            summary="U-Net's path behind a bottleneck of its own, grown bilinearly",
            good_for=(
                "Hybrid encoders of convolutions and a transformer, on medical images. Its first steps are wide, so "
                "it costs more than U-Net."
            ),
            paper="arXiv:2102.04306",
            license="Apache-2.0",
        ),
    ]
