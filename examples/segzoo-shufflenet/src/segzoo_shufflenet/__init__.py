"""Registers the source of encoders shufflenet. Nothing heavy is imported here: it is, when encoders are asked for."""

import segzoo


@segzoo.hookimpl
def segzoo_encoders() -> list[segzoo.EncoderSpec]:
    return [
        segzoo.EncoderSpec(
            name="shufflenet",
            target="segzoo_shufflenet.source:ShuffleNetSource",
            summary="torchvision's ShuffleNet V2, in four widths: small encoders for small machines",
            paper="arXiv:1807.11164",
            license="Apache-2.0",
            weights_license="BSD-3-Clause",
            api=1,  # the version of segzoo's plugin interface that this is written for
        )
    ]
