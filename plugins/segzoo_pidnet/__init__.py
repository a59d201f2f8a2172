"""The decoders of DDRNet and PIDNet."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="ddrnet",
            target="segzoo_pidnet.ddrnet:DDRNetDecoder",
            summary="a detail branch at stride 8 that each coarser map adds to, and a deep pyramid of poolings",
            good_for="Real time, in street scenes: two branches, of detail and of context, on an encoder of any kind.",
            paper="arXiv:2101.06085",
            license="Apache-2.0",
        ),
        segzoo.DecoderSpec(
            name="pidnet",
            target="segzoo_pidnet.pidnet:PIDNetDecoder",
            summary="branches of detail, context and boundaries at stride 8; boundaries choose between the other two",
            good_for=(
                "Real time where small objects matter: at boundaries details win over context, which overshoots. It "
                "costs a little more than DDRNet's."
            ),
            paper="arXiv:2206.02066",
            license="Apache-2.0",
        ),
    ]
