"""Registers the dataset rle. Nothing heavy is imported here: its class is, when data is opened."""

import segzoo


@segzoo.hookimpl
def segzoo_datasets() -> list[segzoo.DatasetSpec]:
    return [
        segzoo.DatasetSpec(
            name="rle",
            target="segzoo_rle.dataset:RLEDataset",
            summary="masks as run lengths in a CSV table, as Kaggle has them",
            license="Apache-2.0",
            api=1,  # the version of segzoo's plugin interface that this is written for
        )
    ]
