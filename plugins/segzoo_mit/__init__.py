"""Mix Transformer, the encoder of SegFormer."""

import segzoo


@segzoo.hookimpl
def segzoo_encoders() -> list[segzoo.EncoderSpec]:
    return [
        segzoo.EncoderSpec(
            name="mit",
            target="segzoo_mit.source:MixTransformerSource",
            index="segzoo_mit.index:MixTransformerIndex",
            summary="Mix Transformer b0 to b5, hierarchical with overlapping patches",
            paper="arXiv:2105.15203",
            license="Apache-2.0",
            weights_license="NVIDIA Source Code License (non-commercial)",
        )
    ]
