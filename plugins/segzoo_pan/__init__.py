"""Pyramid Attention Network."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="pan",
            target="segzoo_pan.decoder:PANDecoder",
            summary="attention from a small pyramid at the top, then global attention at each finer stage",
            good_for="Some global context for little computation of its own, on convolutional encoders.",
            paper="arXiv:1805.10180",
            license="Apache-2.0",
        )
    ]
