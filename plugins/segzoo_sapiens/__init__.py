"""The decoder of Sapiens2's segmentation models."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="sapiens2",
            target="segzoo_sapiens.decoder:Sapiens2Decoder",
            summary="the deepest map, doubled in turn by deconvolutions, then refined pixel by pixel",
            good_for=(
                "Large plain transformers on images of people and other fine detail: it learns its way back to the "
                "image's own resolution. The first doublings are the costly ones, and grow with the encoder's width."
            ),
            paper="arXiv:2604.21681",
            license="Apache-2.0",
        ),
    ]
