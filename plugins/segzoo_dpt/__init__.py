"""The Dense Prediction Transformer."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="dpt",
            target="segzoo_dpt.decoder:DPTDecoder",
            summary="four transformer blocks reassembled into a pyramid and fused by residual convolutions",
            good_for=(
                "Plain transformers, with the class token read into each map; the choice for DINOv2 and DINOv3 "
                "where outlines matter. With its default widths, those for ViT-Large, it is the costliest of all."
            ),
            paper="arXiv:2103.13413",
            license="Apache-2.0",
        ),
    ]
