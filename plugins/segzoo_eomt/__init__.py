"""EoMT, whose queries join a plain transformer's last blocks, and PMD, which leaves the transformer as it is."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="eomt",
            target="segzoo_eomt.decoder:EoMTDecoder",
            summary="queries join the last blocks of a plain transformer, which does the decoder's work itself",
            paper="arXiv:2503.19108",
            license="Apache-2.0",
        ),
        segzoo.DecoderSpec(
            name="pmd",
            target="segzoo_eomt.pmd:PMDDecoder",
            summary="queries and patches of a frozen transformer go through a few light blocks together",
            paper="arXiv:2603.25398",
            license="Apache-2.0",
        ),
    ]
