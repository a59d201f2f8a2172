"""Swin Transformer, as its authors run it for dense prediction."""

import segzoo


@segzoo.hookimpl
def segzoo_encoders() -> list[segzoo.EncoderSpec]:
    return [
        segzoo.EncoderSpec(
            name="swin",
            target="segzoo_swin.source:SwinSource",
            index="segzoo_swin.index:SwinIndex",
            summary="Swin Transformer, padded before windows are shifted, a norm after each stage; for imported models",
            paper="arXiv:2103.14030",
            license="Apache-2.0",
        )
    ]
