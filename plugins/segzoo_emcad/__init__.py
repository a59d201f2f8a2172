"""EMCAD."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="emcad",
            target="segzoo_emcad.decoder:EMCADDecoder",
            summary="gated skips added on the way up, refined by attention and depthwise convolutions",
            good_for=(
                "Medical images where a small model is wanted: nearly all of its convolutions are depthwise or 1x1. "
                "Its map is of stride 4."
            ),
            paper="arXiv:2405.06880",
            license="Apache-2.0",
        ),
    ]
