"""Models of segmentation_models_pytorch (SMP): the importer, and those of its encoders that no other library has."""

from __future__ import annotations

import segzoo


@segzoo.hookimpl
def segzoo_importers() -> list[segzoo.ImporterSpec]:
    return [
        segzoo.ImporterSpec(
            name="smp",
            target="segzoo_smp.importer:SMPImporter",
            summary="models of segmentation_models_pytorch",
            license="Apache-2.0",
        )
    ]


@segzoo.hookimpl
def segzoo_encoders() -> list[segzoo.EncoderSpec]:
    return [
        segzoo.EncoderSpec(
            name="smp",
            target="segzoo_smp.source:SMPSource",
            index="segzoo_smp.index:SMPIndex",
            summary="segmentation_models_pytorch's encoders whose maps or dilation are not timm's; for imported models",
            license="Apache-2.0",
        )
    ]
