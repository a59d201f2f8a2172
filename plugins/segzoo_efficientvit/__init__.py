"""The segmentation head of EfficientViT."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="efficientvit",
            target="segzoo_efficientvit.decoder:EfficientViTDecoder",
            summary="three maps summed at stride 8, then a few inverted bottlenecks",
            good_for=(
                "Little time on phones and CPUs: three maps, few convolutions, the fewest multiply-adds on a "
                "pyramid. Its map is of stride 8."
            ),
            paper="arXiv:2205.14756",
            license="Apache-2.0",
        ),
    ]
