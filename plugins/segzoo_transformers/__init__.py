"""Segmentation models of Hugging Face's transformers: the importer, and the encoders that differ from timm's."""

import segzoo


@segzoo.hookimpl
def segzoo_importers() -> list[segzoo.ImporterSpec]:
    return [
        segzoo.ImporterSpec(
            name="transformers",
            target="segzoo_transformers.importer:TransformersImporter",
            summary="SegFormer, UPerNet, DPT, BEiT, DeepLabV3, Mask2Former, MaskFormer, EoMT, Sapiens2 and TIPSv2",
            license="Apache-2.0",
        )
    ]


@segzoo.hookimpl
def segzoo_encoders() -> list[segzoo.EncoderSpec]:
    return [
        segzoo.EncoderSpec(
            name="transformers",
            target="segzoo_transformers.source:TransformersSource",
            index="segzoo_transformers.index:TransformersIndex",
            summary="BEiT, MobileViT, Sapiens2 and TIPSv2 as transformers computes their maps; for imported models",
            license="Apache-2.0",
        )
    ]
