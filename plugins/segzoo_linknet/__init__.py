"""LinkNet."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="linknet",
            target="segzoo_linknet.decoder:LinkNetDecoder",
            summary="grows by narrow transposed convolutions, the encoder's maps added",
            paper="arXiv:1707.03718",
            license="Apache-2.0",
        )
    ]
