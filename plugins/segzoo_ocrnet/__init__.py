"""OCRNet."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="ocrnet",
            target="segzoo_ocrnet.decoder:OCRDecoder",
            summary="each pixel attends to the classes, described by the pixels of a coarse guess",
            good_for=(
                "Scenes with many classes, such as streets, and encoders that keep fine maps, such as HRNet: a "
                "pixel is compared with each class as a whole."
            ),
            paper="arXiv:1909.11065",
            license="Apache-2.0",
        ),
    ]
