"""A dataset of the Hugging Face hub, or saved by its library."""

import segzoo


@segzoo.hookimpl
def segzoo_datasets() -> list[segzoo.DatasetSpec]:
    return [
        segzoo.DatasetSpec(
            name="huggingface",
            target="segzoo_huggingface.dataset:HuggingFaceDataset",
            summary="A dataset of the Hugging Face hub, or saved by its library",
            license="Apache-2.0",
        )
    ]
