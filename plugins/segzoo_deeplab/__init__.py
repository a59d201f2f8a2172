"""DeepLabV3 and V3+, LR-ASPP and FCN: decoders of a deep map that is kept fine by dilation."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="deeplabv3",
            target="segzoo_deeplab.deeplabv3:DeepLabV3Decoder",
            summary="the deepest map seen at several dilations and as a whole",
            good_for=(
                "Context at several distances, where a map of stride 8 is fine enough. On convolutional encoders, "
                "which it wishes dilated to that stride, DeepLabV3+ has sharper outlines for far less."
            ),
            paper="arXiv:1706.05587",
            license="Apache-2.0",
        ),
        segzoo.DecoderSpec(
            name="deeplabv3plus",
            target="segzoo_deeplab.deeplabv3plus:DeepLabV3PlusDecoder",
            summary="DeepLabV3 refined by a map of stride 4",
            good_for=(
                "A sturdy all-rounder for convolutional encoders that can be dilated, with sharper outlines than "
                "DeepLabV3."
            ),
            paper="arXiv:1802.02611",
            license="Apache-2.0",
        ),
        segzoo.DecoderSpec(
            name="lraspp",
            target="segzoo_deeplab.lraspp:LRASPPDecoder",
            summary="for mobiles: the deepest map gated by its average, and a finer one, classified and summed",
            good_for=(
                "Phones, with MobileNetV3 and the like: two 1x1 convolutions' worth of decoder. Outlines are coarse."
            ),
            paper="arXiv:1905.02244",
            license="Apache-2.0",
        ),
        segzoo.DecoderSpec(
            name="fcn",
            target="segzoo_deeplab.fcn:FCNDecoder",
            summary="convolutions on the deepest map",
            good_for="A baseline, and the usual auxiliary head in papers. It has no context beyond its convolutions.",
            paper="arXiv:1411.4038",
            license="Apache-2.0",
        ),
    ]
