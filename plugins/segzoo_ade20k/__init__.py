"""ADE20K's scene parsing benchmark, with its 150 classes."""

import segzoo


@segzoo.hookimpl
def segzoo_datasets() -> list[segzoo.DatasetSpec]:
    return [
        segzoo.DatasetSpec(
            name="ade20k",
            target="segzoo_ade20k.dataset:ADE20KDataset",
            summary="ADE20K's scene parsing benchmark, with its 150 classes",
            license="Apache-2.0",
        )
    ]
