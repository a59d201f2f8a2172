"""The mask transformer of Segmenter."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="segmenter",
            target="segzoo_segmenter.decoder:SegmenterDecoder",
            summary="one token per class attends to the patches, and its product with them is the mask",
            good_for=(
                "Plain transformers that are fine-tuned: almost all is the encoder's work. Its masks are as "
                "coarse as the patches, so small patches help. On a pyramid, which it wishes dilated to stride 8, "
                "it is costly."
            ),
            paper="arXiv:2105.05633",
            license="Apache-2.0",
        ),
    ]
