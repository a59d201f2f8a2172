"""The decoder of U-MixFormer."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="umixformer",
            target="segzoo_umixformer.decoder:UMixFormerDecoder",
            summary="each stage attends to all of them pooled, those that are decoded already included",
            good_for=(
                "Scenes with many classes, on hierarchical transformers: each pixel sees the whole image, since keys "
                "and values are as few as the deepest map's cells. Its map is of stride 4."
            ),
            paper="arXiv:2312.06272",
            license="Apache-2.0",
        ),
    ]
