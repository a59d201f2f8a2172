"""COCO: instances, panoptic segmentation, and sets in its JSON."""

import segzoo


@segzoo.hookimpl
def segzoo_datasets() -> list[segzoo.DatasetSpec]:
    return [
        segzoo.DatasetSpec(
            name="coco",
            target="segzoo_coco.dataset:CocoDataset",
            summary="COCO: instances, panoptic segmentation, and sets in its JSON",
            license="Apache-2.0",
        )
    ]
