"""Cityscapes, with its nineteen classes."""

import segzoo


@segzoo.hookimpl
def segzoo_datasets() -> list[segzoo.DatasetSpec]:
    return [
        segzoo.DatasetSpec(
            name="cityscapes",
            target="segzoo_cityscapes.dataset:CityscapesDataset",
            summary="Cityscapes, with its nineteen classes",
            license="Apache-2.0",
        )
    ]
