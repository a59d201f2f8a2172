"""Mask2Former."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="mask2former",
            target="segzoo_mask2former.decoder:Mask2FormerDecoder",
            summary="queries that attend within the masks they predict, on a pyramid of deformable attention",
            good_for=(
                "One model for classes, objects and segments, with the best results of its time on COCO, ADE20K "
                "and Cityscapes. It needs long training, and more memory than decoders of pixels."
            ),
            paper="arXiv:2112.01527",
            license="Apache-2.0",
        )
    ]
