"""The linear probe."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="linear",
            target="segzoo_linear.decoder:LinearDecoder",
            summary="batch norm and a 1x1 convolution: what the features hold by themselves",
            good_for=(
                "Finding out what frozen features hold, and a baseline that other decoders have to beat. It has "
                "next to no parameters of its own."
            ),
            paper="arXiv:2304.07193",
            license="Apache-2.0",
        ),
    ]
