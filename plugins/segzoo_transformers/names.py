"""Names that several architectures of transformers share, and segzoo's."""

from __future__ import annotations

import segzoo

NAMED_CONV: segzoo.Table = {"convolution": "conv", "normalization": "norm"}
"""Of a convolution with its norm, in heads of mobile networks."""

CONV: segzoo.Table = {"conv": "conv", "bn": "norm", "batch_norm": "norm", **NAMED_CONV}
"""Likewise, in heads of a pyramid, by former and present names."""

UPERNET: segzoo.Table = {
    "decode_head.classifier": "head.classifiers.logits.conv",
    **segzoo.under("decode_head.psp_modules.blocks.{}.conv", "decoder.pooling.branches.{}", CONV),
    **segzoo.under("decode_head.psp_modules.{}.1", "decoder.pooling.branches.{}", CONV),
    **segzoo.under("decode_head.bottleneck", "decoder.context", CONV),
    **segzoo.under("decode_head.psp_bottleneck", "decoder.context", CONV),
    **segzoo.under("decode_head.lateral_convs.{}", "decoder.laterals.{}", CONV),
    **segzoo.under("decode_head.fpn_convs.{}", "decoder.smooth.{}", CONV),
    **segzoo.under("decode_head.fpn_bottleneck", "decoder.fuse", CONV),
}
UPERNET_AUXILIARY: segzoo.Table = {
    **segzoo.under("auxiliary_head.convs.0", "auxiliary.4.block", CONV),
    "auxiliary_head.classifier": "auxiliary.4.classifiers.logits.conv",
}
"""Of UPerNet and its auxiliary head, in transformers' modules for it and for BEiT."""

TRANSFORMER_LAYER: segzoo.Table = {
    **{
        f"attention.{module}.{name}": segzoo.join("attn.qkv", part)
        for module in ("attention", "self")
        for part, name in enumerate(("query", "key", "value"))
    },
    "attention.output.dense": "attn.proj",
    "intermediate.dense": "mlp.fc1",
    "output.dense": "mlp.fc2",
    "layernorm_before": "norm1",
    "layernorm_after": "norm2",
}
"""Of a transformer's block, and timm's."""
