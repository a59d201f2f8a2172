"""The neck of ViT-Adapter."""

import segzoo


@segzoo.hookimpl
def segzoo_necks() -> list[segzoo.NeckSpec]:
    return [
        segzoo.NeckSpec(
            name="vit_adapter",
            target="segzoo_vitadapter.neck:ViTAdapter",
            summary="a pyramid of what convolutions see in the image and find in a plain transformer's maps",
            paper="arXiv:2205.08534",
            license="Apache-2.0",
            grants=("pyramid",),
            on_request=True,
        )
    ]
