"""K-Net."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="knet",
            target="segzoo_knet.decoder:KNetDecoder",
            summary="another decoder's classifier, fitted to each image by what its masks hold, three times over",
            good_for=(
                "A better answer from a decoder that there is, at its own resolution: the kernel of each class is told "
                "what it found in the image, and what the other classes found. The option `inner` names the decoder."
            ),
            paper="arXiv:2106.14855",
            license="Apache-2.0",
        ),
    ]
