"""PointRend."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="pointrend",
            target="segzoo_pointrend.decoder:PointRendDecoder",
            summary="another decoder's logits, their uncertain pixels predicted anew on a finer map",
            good_for=(
                "Sharp outlines from a decoder whose map is coarse: most pixels are its own, and a small network looks "
                "again at those between two classes. The option `inner` names the decoder."
            ),
            paper="arXiv:1912.08193",
            license="Apache-2.0",
        ),
    ]
