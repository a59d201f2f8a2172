"""UPerNet."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="upernet",
            target="segzoo_upernet.decoder:UPerNetDecoder",
            summary="pyramid pooling on the deepest map, a feature pyramid from there down, all levels joined",
            paper="arXiv:1807.10221",
            license="Apache-2.0",
        )
    ]
