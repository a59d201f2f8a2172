"""UPerNet."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="upernet",
            target="segzoo_upernet.decoder:UPerNetDecoder",
            summary="pyramid pooling on the deepest map, a feature pyramid from there down, all levels joined",
            good_for=(
                "The usual companion of Swin, ConvNeXt and other large pretrained encoders, and what many papers "
                "compare with. It costs more than FPN and SegFormer's."
            ),
            paper="arXiv:1807.10221",
            license="Apache-2.0",
        )
    ]
