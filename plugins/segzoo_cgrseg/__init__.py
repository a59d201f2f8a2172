"""CGRSeg."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="cgrseg",
            target="segzoo_cgrseg.decoder:CGRSegDecoder",
            summary="a pyramid's context reconstructs each map, by attention to rows and columns, top down",
            good_for=(
                "Many classes on a small budget, with encoders of few channels such as EfficientFormer: its cost grows "
                "with the square of the channels of all maps together."
            ),
            paper="arXiv:2405.06228",
            license="Apache-2.0",
        )
    ]
