"""SegViT: attention to mask."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="segvit",
            target="segzoo_segvit.decoder:SegViTDecoder",
            summary="a query per class; its scores in attention to a transformer's patches are its mask",
            good_for=(
                "Plain transformers and semantic segmentation with many classes. Masks are as coarse as the patches."
            ),
            paper="arXiv:2210.05844",
            license="Apache-2.0",
        )
    ]
