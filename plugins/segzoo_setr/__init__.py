"""The two decoders of SETR."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="setr_pup",
            target="segzoo_setr.pup:SETRPUPDecoder",
            summary="the deepest map, convolved and doubled in turn",
            good_for=(
                "A simple decoder of a plain transformer's last map. Much of it computes at fine resolutions, so "
                "that it costs as much as UPerNet."
            ),
            paper="arXiv:2012.15840",
            license="Apache-2.0",
        ),
        segzoo.DecoderSpec(
            name="setr_mla",
            target="segzoo_setr.mla:SETRMLADecoder",
            summary="four blocks as streams, aggregated from the top down and joined",
            good_for="Plain transformers: maps of four depths, for far less than `setr_pup` costs.",
            paper="arXiv:2012.15840",
            license="Apache-2.0",
        ),
    ]
