"""The other heads of context: DANet, ISANet, ANN, APCNet, DMNet and EncNet."""

from __future__ import annotations

from collections.abc import Mapping
from math import isqrt
from typing import Any, ClassVar

from torch import Tensor

import segzoo
from segzoo_mmseg.architecture import CONV, DROPOUT, MMSegArchitecture, width


class DANet(MMSegArchitecture):
    """arXiv:1809.02983."""

    name = "DANet"
    decoder = "danet"
    marks: ClassVar[tuple[str, ...]] = ("pam.query_project.weight", "cam.gamma.scale")
    of_training: ClassVar[Mapping[str, str]] = {
        "pam_conv_seg": "the classifier of its position attention alone",
        "cam_conv_seg": "the classifier of its channel attention alone",
    }

    def options(self, weights: Mapping[str, Tensor]) -> dict[str, Any]:
        return {
            "width": width(weights, "pam_in_conv"),
            "key_width": weights["decode_head.pam.query_project.weight"].shape[0],
            "dropout": DROPOUT,
        }

    def decoder_names(self, weights: Mapping[str, Tensor]) -> segzoo.Table:
        position = {
            "query_project": "query",
            "key_project": "key",
            "value_project": "value",
            "gamma.scale": "gain",
        }
        return {
            **segzoo.under("pam_in_conv", "position.0", CONV),
            **segzoo.under("pam", "position.1", position),
            **segzoo.under("pam_out_conv", "position.2", CONV),
            **segzoo.under("cam_in_conv", "channel.0", CONV),
            "cam.gamma.scale": "channel.1.gain",
            **segzoo.under("cam_out_conv", "channel.2", CONV),
        }


class ISANet(MMSegArchitecture):
    """arXiv:1907.12273."""

    name = "ISANet"
    decoder = "isanet"
    marks: ClassVar[tuple[str, ...]] = (
        "global_relation.output_project.conv.weight",
        "local_relation.value_project.weight",
    )

    def options(self, weights: Mapping[str, Tensor]) -> dict[str, Any]:
        return {
            "width": width(weights, "in_conv"),
            "key_width": width(weights, "global_relation.query_project.0"),
            "dropout": DROPOUT,
        }

    def decoder_names(self, weights: Mapping[str, Tensor]) -> segzoo.Table:
        attention: segzoo.Table = {
            **segzoo.under("query_project.{}", "query.{}", CONV),
            **segzoo.under("key_project.{}", "key.{}", CONV),
            "value_project": "value",
            **segzoo.under("output_project", "out", CONV),
        }
        return {
            **segzoo.under("in_conv", "first", CONV),
            **segzoo.under("global_relation", "far", attention),
            **segzoo.under("local_relation", "near", attention),
            **segzoo.under("out_conv", "join", CONV),
        }


class ANN(MMSegArchitecture):
    """arXiv:1908.07678."""

    name = "ANN"
    decoder = "ann"
    marks: ClassVar[tuple[str, ...]] = ("fusion.stages.0.out_project.weight", "context.stages.0.out_project.weight")

    def options(self, weights: Mapping[str, Tensor]) -> dict[str, Any]:
        return {
            "width": width(weights, "bottleneck"),
            "key_width": width(weights, "fusion.stages.0.key_project"),
            "dropout": DROPOUT,
        }

    def decoder_names(self, weights: Mapping[str, Tensor]) -> segzoo.Table:
        attention: segzoo.Table = {
            **segzoo.under("stages.0.key_project", "key", CONV),
            "stages.0.value_project": "value",
            "stages.0.out_project": "out",
            **segzoo.under("bottleneck", "join", CONV),
        }
        query = segzoo.under("stages.0.query_project", "query", CONV)
        shared: segzoo.Table = {"stages.0.query_project": None}  # the key's, by a second name
        return {
            **segzoo.under("fusion", "fusion", attention, query),
            **segzoo.under("bottleneck", "first", CONV),
            **segzoo.under("context", "context", attention, shared),
        }


class APCNet(MMSegArchitecture):
    """CVPR 2019."""

    name = "APCNet"
    decoder = "apcnet"
    marks: ClassVar[tuple[str, ...]] = ("acm_modules.0.gla.weight", "acm_modules.0.fusion_conv.conv.weight")

    def options(self, weights: Mapping[str, Tensor]) -> dict[str, Any]:
        cells = [weight.shape[0] for name, weight in weights.items() if name.endswith(".gla.weight")]
        return {"width": width(weights, "bottleneck"), "grids": list(map(isqrt, cells)), "dropout": DROPOUT}

    def decoder_names(self, weights: Mapping[str, Tensor]) -> segzoo.Table:
        parts = {
            "pooled_redu_conv": "regions",
            "input_redu_conv": "pixels",
            "global_info": "scene",
            "residual_conv": "restore",
            "fusion_conv": "out",
        }
        return {
            **{
                theirs: ours
                for name, part in parts.items()
                for theirs, ours in segzoo.under(f"acm_modules.{{}}.{name}", f"contexts.{{}}.{part}", CONV).items()
            },
            "acm_modules.{}.gla": "contexts.{}.affinity",
            **segzoo.under("bottleneck", "join", CONV),
        }


class DMNet(MMSegArchitecture):
    """ICCV 2019."""

    name = "DMNet"
    decoder = "dmnet"
    marks: ClassVar[tuple[str, ...]] = ("dcm_modules.0.filter_gen_conv.weight",)

    def options(self, weights: Mapping[str, Tensor]) -> dict[str, Any]:
        return {"width": width(weights, "bottleneck"), "dropout": DROPOUT}

    def decoder_names(self, weights: Mapping[str, Tensor]) -> segzoo.Table:
        return {
            "dcm_modules.{}.filter_gen_conv": "contexts.{}.filters",
            **segzoo.under("dcm_modules.{}.input_redu_conv", "contexts.{}.reduce", CONV),
            "dcm_modules.{}.norm": "contexts.{}.norm",
            **segzoo.under("bottleneck", "join", CONV),
        }


class EncNet(MMSegArchitecture):
    """arXiv:1803.08904."""

    name = "EncNet"
    decoder = "encnet"
    marks: ClassVar[tuple[str, ...]] = ("enc_module.encoding.0.codewords",)
    of_training: ClassVar[Mapping[str, str]] = {"se_layer": "the layer that tells which classes are in the image"}

    def options(self, weights: Mapping[str, Tensor]) -> dict[str, Any]:
        return {
            "width": width(weights, "bottleneck"),
            "codewords": weights["decode_head.enc_module.encoding.0.codewords"].shape[0],
            "laterals": "decode_head.lateral_convs.0.conv.weight" in weights,
            "dropout": DROPOUT,
        }

    def decoder_names(self, weights: Mapping[str, Tensor]) -> segzoo.Table:
        return {
            **segzoo.under("bottleneck", "first", CONV),
            **segzoo.under("lateral_convs.{}", "laterals.{}", CONV),
            **segzoo.under("fusion", "join", CONV),
            **segzoo.under("enc_module.encoding_project", "encoding.project", CONV),
            "enc_module.encoding.0.codewords": "encoding.codewords",
            "enc_module.encoding.0.scale": "encoding.smoothing",
            "enc_module.encoding.1": "encoding.norm",
            "enc_module.fc.0": "gate",
        }
