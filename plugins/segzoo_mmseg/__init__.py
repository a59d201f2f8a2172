"""Models of mmsegmentation."""

import segzoo


@segzoo.hookimpl
def segzoo_importers() -> list[segzoo.ImporterSpec]:
    return [
        segzoo.ImporterSpec(
            name="mmseg",
            target="segzoo_mmseg.importer:MMSegImporter",
            summary="SegFormer, UPerNet, PSPNet, DeepLabV3+, FCN, K-Net and eleven heads of context of mmsegmentation",
            license="Apache-2.0",
        )
    ]
