"""LinkNet."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="linknet",
            target="segzoo_linknet.decoder:LinkNetDecoder",
            summary="grows by narrow transposed convolutions, the encoder's maps added",
            good_for=(
                "Little computation: it adds the encoder's maps where U-Net joins them, and still comes back to "
                "the image's own resolution."
            ),
            paper="arXiv:1707.03718",
            license="Apache-2.0",
        )
    ]
