"""The decoder of nnU-Net."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="nnunet",
            target="segzoo_nnunet.decoder:NNUNetDecoder",
            summary="mirrors the encoder: grown by transposed convolutions, as wide as its stages, instance norms",
            good_for=(
                "Medical images, and small batches: its norms look at one image at a time. It is as wide as the "
                "encoder, so wide encoders make it costly."
            ),
            paper="arXiv:1904.08128",
            license="Apache-2.0",
        ),
    ]
