"""The Dense Prediction Transformer."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="dpt",
            target="segzoo_dpt.decoder:DPTDecoder",
            summary="four transformer blocks reassembled into a pyramid and fused by residual convolutions",
            paper="arXiv:2103.13413",
            license="Apache-2.0",
        ),
    ]
