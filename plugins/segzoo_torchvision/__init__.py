"""torchvision's segmentation models: the importer, and its MobileNetV3, whose maps and dilation are not timm's."""

import segzoo


@segzoo.hookimpl
def segzoo_importers() -> list[segzoo.ImporterSpec]:
    return [
        segzoo.ImporterSpec(
            name="torchvision",
            target="segzoo_torchvision.importer:TorchvisionImporter",
            summary="FCN, DeepLabV3 and LR-ASPP of torchvision",
            license="Apache-2.0",
        )
    ]


@segzoo.hookimpl
def segzoo_encoders() -> list[segzoo.EncoderSpec]:
    return [
        segzoo.EncoderSpec(
            name="torchvision",
            target="segzoo_torchvision.encoder:TorchvisionSource",
            index="segzoo_torchvision.index:TorchvisionIndex",
            summary="torchvision's MobileNetV3-Large with its maps and its dilation; for imported models",
            paper="arXiv:1905.02244",
            license="Apache-2.0",
        )
    ]
