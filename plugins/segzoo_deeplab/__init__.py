"""DeepLabV3 and V3+, LR-ASPP and FCN: decoders of a deep map that is kept fine by dilation."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="deeplabv3",
            target="segzoo_deeplab.deeplabv3:DeepLabV3Decoder",
            summary="the deepest map seen at several dilations and as a whole",
            paper="arXiv:1706.05587",
            license="Apache-2.0",
        ),
        segzoo.DecoderSpec(
            name="deeplabv3plus",
            target="segzoo_deeplab.deeplabv3plus:DeepLabV3PlusDecoder",
            summary="DeepLabV3 refined by a map of stride 4",
            paper="arXiv:1802.02611",
            license="Apache-2.0",
        ),
        segzoo.DecoderSpec(
            name="lraspp",
            target="segzoo_deeplab.lraspp:LRASPPDecoder",
            summary="for mobiles: the deepest map gated by its average, and a finer one, classified and summed",
            paper="arXiv:1905.02244",
            license="Apache-2.0",
        ),
        segzoo.DecoderSpec(
            name="fcn",
            target="segzoo_deeplab.fcn:FCNDecoder",
            summary="convolutions on the deepest map",
            paper="arXiv:1411.4038",
            license="Apache-2.0",
        ),
    ]
