"""SMP's decoders that were made for transformers: Segformer and DPT."""

from __future__ import annotations

from typing import Any, ClassVar

import segzoo
from segzoo_smp.architecture import HEAD, Architecture, Arguments, only
from segzoo_smp.recipes import Names


class Segformer(Architecture):
    decoder = "segformer"
    defaults: ClassVar[Arguments] = {"decoder_segmentation_channels": 256, "upsampling": 4}

    def options(self, given: Arguments) -> dict[str, Any]:
        return {
            "width": given["decoder_segmentation_channels"],
            "dropout": 0.0,
            "finest_stride": 2,
            "align_corners": True,
        }

    def names(self, given: Arguments, plan: segzoo.Plan) -> Names:
        deepest = len(plan.stages) - 1
        return (
            *HEAD,
            *(
                (rf"^decoder\.mlp_stage\.{i}\.linear\.", f"decoder.linears.{deepest - i}.")
                for i in range(len(plan.stages))
            ),
            (r"^decoder\.fuse_stage\.0\.", "decoder.fuse.conv."),
            (r"^decoder\.fuse_stage\.1\.", "decoder.fuse.norm."),
        )


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

    def names(self, given: Arguments, plan: segzoo.Plan) -> Names:
        deepest = given["encoder_depth"] - 1
        return (
            (r"^decoder\.projection_blocks\.(\d)\.project\.0\.", r"decoder.readouts.\1.project."),
            (r"^decoder\.reassemble_blocks\.(\d)\.project_to_out_channel\.", r"decoder.reassembles.\1.project."),
            (r"^decoder\.reassemble_blocks\.(\d)\.upsample\.", r"decoder.reassembles.\1.scale."),
            (r"^decoder\.reassemble_blocks\.(\d)\.project_to_feature_dim\.", r"decoder.reassembles.\1.to_width."),
            *((rf"^decoder\.fusion_blocks\.{i}\.", f"decoder.fusions.{deepest - i}.") for i in range(deepest + 1)),
            (r"\.residual_conv_block1\.", ".refine_level."),
            (r"\.residual_conv_block2\.", ".refine_sum."),
            (r"^(decoder\.fusions\..*)\.conv_(\d)\.", r"\1.convs.\2.conv."),
            (r"^(decoder\.fusions\..*)\.batch_norm_(\d)\.", r"\1.convs.\2.norm."),
            (r"^segmentation_head\.head\.0\.", "decoder.refine.conv."),
            (r"^segmentation_head\.head\.1\.", "decoder.refine.norm."),
            (r"^segmentation_head\.head\.4\.", "head.classifiers.logits.conv."),
        )
