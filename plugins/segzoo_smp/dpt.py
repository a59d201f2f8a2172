"""The Dense Prediction Transformer, arXiv:2103.13413."""

from __future__ import annotations

from typing import Any, ClassVar

import segzoo
from segzoo_smp.architecture import Architecture, Arguments, only

RESIDUAL: segzoo.Table = {"conv_{}": "convs.{}.conv", "batch_norm_{}": "convs.{}.norm"}
FUSION: segzoo.Table = {
    **segzoo.under("residual_conv_block1", "refine_level", RESIDUAL),
    **segzoo.under("residual_conv_block2", "refine_sum", RESIDUAL),
    "": "",
}


class DPT(Architecture):
    decoder = "dpt"
    defaults: ClassVar[Arguments] = {
        "encoder_name": "tu-vit_base_patch16_224.augreg_in21k",
        "encoder_output_indices": None,
        "decoder_readout": "cat",
        "decoder_intermediate_channels": (256, 512, 1024, 1024),
        "decoder_fusion_channels": 256,
    }
    depth = 4
    depths = range(1, 5)

    def encoder_depth(self, given: Arguments) -> int | None:
        return (
            None if given["encoder_depth"] == self.depth else given["encoder_depth"] + 1
        )  # maps stand from stage 2 on

    def options(self, given: Arguments) -> dict[str, Any]:
        only(given, "encoder_output_indices", None)
        if not given["encoder_name"].startswith("tu-"):
            raise segzoo.CheckpointError(f"SMP's DPT takes encoders named tu-*, got {given['encoder_name']!r}")
        return {
            "width": given["decoder_fusion_channels"],
            "reassemble_widths": list(given["decoder_intermediate_channels"]),
            "readout": {"cat": "project", "ignore": "ignore"}[only(given, "decoder_readout", "cat", "ignore")],
            "align_corners": True,
        }

    def check(self, given: Arguments, plan: segzoo.Plan) -> None:
        wanted, found = given["encoder_depth"], len(plan.stages) - 1
        maps = [stage for stage in plan.spec.native if stage > 0]
        if not wanted == found == len(maps):
            raise segzoo.CheckpointError(
                f"SMP's DPT with {given['encoder_name']} can't be imported: it takes {wanted} maps evenly out of all "
                f"blocks, and segzoo's encoder gives its dpt {found} of {len(maps)}"
            )
        odd = [stride for stride in plan.spec.select(plan.stages).strides if stride.bit_count() != 1]
        if odd:
            raise segzoo.CheckpointError(
                f"SMP's DPT with {given['encoder_name']} can't be imported: for patches of {odd[0]} pixels its "
                "layers upsample by other factors than those of segzoo's dpt"
            )
        if given["decoder_readout"] == "cat" and plan.request.prefix is None:
            raise segzoo.CheckpointError(
                f"SMP's DPT with {given['encoder_name']} can't be imported with decoder_readout='cat': the encoder "
                "has no class token, where SMP has a linear layer all the same, and segzoo's dpt has none"
            )

    def names(self, given: Arguments, plan: segzoo.Plan) -> segzoo.Table:
        deepest = given["encoder_depth"] - 1
        fusions: dict[str, Any] = {}
        for i in range(deepest + 1):  # SMP counts from the coarsest
            fusions |= segzoo.under(f"decoder.fusion_blocks.{i}", f"decoder.fusions.{deepest - i}", FUSION)
        return {
            "decoder.projection_blocks.{}.project.0": segzoo.as_conv("decoder.readouts.{}.project"),
            "decoder.reassemble_blocks.{}.project_to_out_channel": "decoder.reassembles.{}.project",
            "decoder.reassemble_blocks.{}.upsample": "decoder.reassembles.{}.scale",
            "decoder.reassemble_blocks.{}.project_to_feature_dim": "decoder.reassembles.{}.to_width",
            **fusions,
            "segmentation_head.head.0": "decoder.refine.conv",
            "segmentation_head.head.1": "decoder.refine.norm",
            "segmentation_head.head.4": "head.classifiers.logits.conv",
        }
