"""The semantic branch of Panoptic FPN."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="fpn",
            target="segzoo_fpn.decoder:FPNDecoder",
            summary="a feature pyramid from the top down, its levels upsampled and summed",
            good_for=(
                "A first choice for objects of many sizes: light, sturdy, and at home on pyramids and plain "
                "transformers alike. Its map is of stride 4, so details finer than that are interpolated."
            ),
            paper="arXiv:1901.02446",
            license="Apache-2.0",
        )
    ]
