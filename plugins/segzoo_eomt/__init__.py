"""EoMT, whose queries join a plain transformer's last blocks, and PMD, which leaves the transformer as it is."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="eomt",
            target="segzoo_eomt.decoder:EoMTDecoder",
            summary="queries join the last blocks of a plain transformer, which does the decoder's work itself",
            good_for=(
                "Large plain transformers that were pretrained well, such as DINOv2 and DINOv3: there is nearly "
                "no decoder, so it is fast. It drives the encoder's last blocks, so it doesn't fit others, nor a "
                "frozen encoder."
            ),
            paper="arXiv:2503.19108",
            license="Apache-2.0",
        ),
        segzoo.DecoderSpec(
            name="pmd",
            target="segzoo_eomt.pmd:PMDDecoder",
            summary="queries and patches of a frozen transformer go through a few light blocks together",
            good_for=(
                "A frozen plain transformer that serves several tasks at once: it leaves the encoder as it is. It "
                "answers for classes, objects and segments."
            ),
            paper="arXiv:2603.25398",
            license="Apache-2.0",
        ),
    ]
