"""Heads whose context is between two convolutions: NLNet, DNLNet, GCNet, CCNet and EMANet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor

import segzoo
from segzoo_mmseg.architecture import CONV, DROPOUT, MMSegArchitecture, width


class NonLocal(MMSegArchitecture):
    """arXiv:1711.07971.

    :cvar block: their name of what is between the convolutions.
    """

    name = "NLNet"
    decoder = "nonlocal"
    block: ClassVar[str] = "nl_block"
    marks: ClassVar[tuple[str, ...]] = ("nl_block.theta.conv.weight", "conv_cat.conv.weight")
    compared: ClassVar[str] = "theta.conv"
    parts: ClassVar[segzoo.Table] = {
        "theta.conv": "query",
        "phi.conv": "key",
        "g.conv": "value",
        **segzoo.under("conv_out", "out", CONV),
    }

    def options(self, weights: Mapping[str, Tensor]) -> dict[str, Any]:
        channels = width(weights, "convs.0")
        compared = weights[f"decode_head.{self.block}.{self.compared}.weight"].shape[0]
        return {"width": channels, "reduction": channels // compared, "dropout": DROPOUT}

    def decoder_names(self, weights: Mapping[str, Tensor]) -> segzoo.Table:
        return {
            **segzoo.under("convs.0", "first", CONV),
            **segzoo.under(self.block, "context", self.parts),
            **segzoo.under("convs.1", "last", CONV),
            **segzoo.under("conv_cat", "join", CONV),
        }


class DNL(NonLocal):
    """arXiv:2006.06668."""

    name = "DNLNet"
    decoder = "dnl"
    block = "dnl_block"
    marks = ("dnl_block.theta.conv.weight", "conv_cat.conv.weight")
    parts: ClassVar[segzoo.Table] = {**NonLocal.parts, "conv_mask": "unary"}


class GCNet(NonLocal):
    """arXiv:1904.11492."""

    name = "GCNet"
    decoder = "gcnet"
    block = "gc_block"
    marks = ("gc_block.conv_mask.weight", "gc_block.channel_add_conv.0.weight", "conv_cat.conv.weight")
    compared = "channel_add_conv.0"
    parts: ClassVar[segzoo.Table] = {
        "conv_mask": "attention",
        "channel_add_conv.0": "squeeze.conv",
        "channel_add_conv.1": segzoo.change("squeeze.norm", lambda weight: weight.flatten()),
        "channel_add_conv.3": "excite",
    }


class CCNet(NonLocal):
    """arXiv:1811.11721."""

    name = "CCNet"
    decoder = "ccnet"
    block = "cca"
    marks = ("cca.query_conv.weight", "conv_cat.conv.weight")
    compared = "query_conv"
    parts: ClassVar[segzoo.Table] = {
        "query_conv": "query",
        "key_conv": "key",
        "value_conv": "value",
        "gamma.scale": "gain",
    }


class EMANet(MMSegArchitecture):
    """arXiv:1907.13426."""

    name = "EMANet"
    decoder = "emanet"
    marks: ClassVar[tuple[str, ...]] = ("ema_module.bases", "conv_cat.conv.weight")

    def options(self, weights: Mapping[str, Tensor]) -> dict[str, Any]:
        return {
            "width": width(weights, "bottleneck"),
            "context_width": width(weights, "ema_in_conv"),
            "bases": weights["decode_head.ema_module.bases"].shape[-1],
            "dropout": DROPOUT,
        }

    def decoder_names(self, weights: Mapping[str, Tensor]) -> segzoo.Table:
        return {
            **segzoo.under("ema_in_conv", "first", CONV),
            "ema_mid_conv.conv.weight": segzoo.change("context.projection", lambda weight: weight.flatten(1)),
            "ema_mid_conv.conv.bias": segzoo.change("context.bias", lambda bias: bias[:, None]),
            "ema_module.bases": segzoo.change("context.bases", lambda bases: bases[0]),
            **segzoo.under("ema_out_conv", "restore", CONV),
            **segzoo.under("bottleneck", "last", CONV),
            **segzoo.under("conv_cat", "join", CONV),
        }
