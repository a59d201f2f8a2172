"""The LightHam decoder of SegNeXt."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="lightham",
            target="segzoo_lightham.decoder:LightHamDecoder",
            summary="three maps joined, their global context found by matrix decomposition",
            good_for="Global context without attention's cost, on convolutional encoders. Its map is of stride 8.",
            paper="arXiv:2209.08575",
            license="Apache-2.0",
        ),
    ]
