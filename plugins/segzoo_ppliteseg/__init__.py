"""PP-LiteSeg."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="ppliteseg",
            target="segzoo_ppliteseg.decoder:PPLiteSegDecoder",
            summary="a small pyramid pooling, then each finer map fused by an attention that chooses between the two",
            good_for=(
                "Real time: few channels where maps are large, and no map finer than stride 8. Thin structures are "
                "interpolated."
            ),
            paper="arXiv:2204.02681",
            license="Apache-2.0",
        )
    ]
