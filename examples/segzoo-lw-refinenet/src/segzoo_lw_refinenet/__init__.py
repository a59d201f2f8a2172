"""Registers the decoder lw-refinenet. Nothing heavy is imported here: its class is, when a model is built."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="lw-refinenet",
            target="segzoo_lw_refinenet.decoder:LightWeightRefineNetDecoder",
            summary="Light-Weight RefineNet: chains of pooling and 1x1 convolutions, fused from coarse to fine",
            paper="arXiv:1810.03272",
            license="Apache-2.0",
            api=1,  # the version of segzoo's plugin interface that this is written for
        )
    ]
