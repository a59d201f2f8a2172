"""Pascal VOC 2012 and sets in its layout."""

import segzoo


@segzoo.hookimpl
def segzoo_datasets() -> list[segzoo.DatasetSpec]:
    return [
        segzoo.DatasetSpec(
            name="voc",
            target="segzoo_voc.dataset:VOCDataset",
            summary="Pascal VOC 2012 and sets in its layout",
            license="Apache-2.0",
        )
    ]
