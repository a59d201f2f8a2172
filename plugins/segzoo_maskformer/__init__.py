"""MaskFormer."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="maskformer",
            target="segzoo_maskformer.decoder:MaskFormerDecoder",
            summary="queries attend to the deepest map; their products with a feature pyramid are the masks",
            good_for=(
                "Masks with their classes, more simply than Mask2Former: a baseline, or where deformable "
                "attention is in the way."
            ),
            paper="arXiv:2107.06278",
            license="Apache-2.0",
        )
    ]
