"""Images and masks in folders, paired by stem."""

import segzoo


@segzoo.hookimpl
def segzoo_datasets() -> list[segzoo.DatasetSpec]:
    return [
        segzoo.DatasetSpec(
            name="folder",
            target="segzoo_folder.dataset:FolderDataset",
            summary="Images and masks in folders, paired by stem",
            license="Apache-2.0",
        )
    ]
