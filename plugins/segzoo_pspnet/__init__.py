"""PSPNet."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="pspnet",
            target="segzoo_pspnet.decoder:PSPNetDecoder",
            summary="the deepest map joined with its averages over grids of several sizes",
            good_for=(
                "The context of the whole scene, where coarse outlines will do. Most of its cost is the "
                "encoder's, which it wishes dilated to stride 8."
            ),
            paper="arXiv:1612.01105",
            license="Apache-2.0",
        )
    ]
