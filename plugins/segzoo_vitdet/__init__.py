"""The simple feature pyramid of ViTDet."""

import segzoo


@segzoo.hookimpl
def segzoo_necks() -> list[segzoo.NeckSpec]:
    return [
        segzoo.NeckSpec(
            name="simple_pyramid",
            target="segzoo_vitdet.neck:SimplePyramid",
            summary="a pyramid from the deepest map of an encoder of one resolution",
            paper="arXiv:2203.16527",
            license="Apache-2.0",
            grants=("pyramid",),
        )
    ]
