"""All of timm as encoders."""

import segzoo


@segzoo.hookimpl
def segzoo_encoders() -> list[segzoo.EncoderSpec]:
    return [
        segzoo.EncoderSpec(
            name="timm",
            target="segzoo_timm.source:TimmSource",
            index="segzoo_timm.index:TimmIndex",
            summary="every architecture in PyTorch Image Models",
            paper="doi:10.5281/zenodo.4414861",
            license="Apache-2.0",
            weights_license="differs by model",
        )
    ]
