"""K-Net, arXiv:2106.14855, around another decode head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor

import segzoo
from segzoo_mmseg.architecture import DILATED, MMSegArchitecture
from segzoo_mmseg.backbones import find_backbone
from segzoo_mmseg.deeplabv3 import DeepLabV3, DeepLabV3Plus
from segzoo_mmseg.fcn import FCN
from segzoo_mmseg.pspnet import PSPNet
from segzoo_mmseg.upernet import UPerNet

INNER = "decode_head.kernel_generate_head."
INNERS = (UPerNet(), PSPNet(), DeepLabV3Plus(), DeepLabV3(), FCN())
HEADS = 8
QUERY_KEY_VALUE = ("interact.query", "interact.key", "interact.value")
UPDATOR: segzoo.Table = {
    "dynamic_layer": segzoo.split("gathered_in", "gathered_out"),
    "input_layer": segzoo.split("kernel_in", "kernel_out"),
    "update_gate": "gathered_gate.0",
    "norm_in": "gathered_gate.1",
    "input_gate": "kernel_gate.0",
    "input_norm_in": "kernel_gate.1",
    "norm_out": "gathered_norm",
    "input_norm_out": "kernel_norm",
    "fc_layer": "output.0",
    "fc_norm": "output.1",
}
UPDATE: segzoo.Table = {
    "feat_transform.conv": "transform",
    **segzoo.under("kernel_update_conv", "adapt", UPDATOR),
    **{
        f"attention.attn.in_proj_{kind}": segzoo.split(*(f"{each}.{kind}" for each in QUERY_KEY_VALUE))
        for kind in ("weight", "bias")
    },
    "attention.attn.out_proj": "interact.output",
    "attention_norm": "interact_norm",
    "ffn.layers.0.0": "feed.0",
    "ffn.layers.1": "feed.2",
    "ffn_norm": "feed_norm",
    "mask_fcs": "mask_kernels",
    "fc_mask": "mask_kernels.3",
}


class KNet(MMSegArchitecture):
    name = "K-Net"
    decoder = "knet"
    marks: ClassVar[tuple[str, ...]] = ("kernel_update_head.0.fc_mask.weight",)
    takes_pyramid = True  # as to its own options: the inner decoder's say whether the backbone is dilated
    classifier = "kernel_generate_head.conv_seg"

    def fits(self, weights: Mapping[str, Tensor]) -> bool:
        return super().fits(weights) and any(each.fits(of_inner(weights)) for each in INNERS)

    def options(self, weights: Mapping[str, Tensor]) -> dict[str, Any]:
        inner, backbone = find_inner(weights), find_backbone(weights)
        options = inner.options(of_inner(weights))
        if not inner.takes_pyramid:
            options["output_stride"] = DILATED if backbone.dilates else None
        return {
            "inner": inner.decoder,
            "inner_options": options,
            "steps": len([name for name in weights if name.endswith(".fc_mask.weight")]),
            "heads": HEADS,
            "hidden": weights["decode_head.kernel_update_head.0.ffn.layers.1.weight"].shape[1],
        }

    def decoder_names(self, weights: Mapping[str, Tensor]) -> segzoo.Table:
        inner = find_inner(weights)
        return {
            "kernel_generate_head.conv_seg.weight": segzoo.change("kernels", lambda weight: weight.flatten(1)),
            "kernel_generate_head.conv_seg.bias": segzoo.change("bias", lambda bias: bias[:, None, None]),
            **segzoo.under("kernel_generate_head", "inner", inner.decoder_names(of_inner(weights))),
            **segzoo.under("kernel_update_head.{}", "updates.{}", UPDATE),
        }


def of_inner(weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The inner head's weights, by the names that they have where it stands alone."""
    return {f"decode_head.{name.removeprefix(INNER)}": each for name, each in weights.items() if name.startswith(INNER)}


def find_inner(weights: Mapping[str, Tensor]) -> MMSegArchitecture:
    """The architecture of the inner head."""
    return next(each for each in INNERS if each.fits(of_inner(weights)))
