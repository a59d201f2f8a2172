"""SMP's decoders of a pyramid, or of what is pooled to one: FPN, PSPNet, PAN, UPerNet."""

from __future__ import annotations

from typing import Any, ClassVar

import segzoo
from segzoo_smp.architecture import HEAD, Architecture, Arguments, batch_norm, only
from segzoo_smp.recipes import Names


class FPN(Architecture):
    decoder = "fpn"
    defaults: ClassVar[Arguments] = {
        "decoder_pyramid_channels": 256,
        "decoder_segmentation_channels": 128,
        "decoder_merge_policy": "add",
        "decoder_dropout": 0.2,
        "decoder_interpolation": "nearest",
        "upsampling": 4,
    }

    def options(self, given: Arguments) -> dict[str, Any]:
        only(given, "decoder_interpolation", "nearest")
        only(given, "encoder_depth", 5)  # SMP's takes the four deepest maps, whatever their strides
        return {
            "pyramid_width": given["decoder_pyramid_channels"],
            "width": given["decoder_segmentation_channels"],
            "merge": only(given, "decoder_merge_policy", "add", "cat"),
            "dropout": given["decoder_dropout"],
            "align_corners": True,
        }

    def names(self, given: Arguments, plan: segzoo.Plan) -> Names:
        return (
            *HEAD,
            (r"^decoder\.p5\.", "decoder.laterals.3."),
            *((rf"^decoder\.p{level}\.skip_conv\.", f"decoder.laterals.{level - 2}.") for level in (2, 3, 4)),
            *((rf"^decoder\.seg_blocks\.{i}\.block\.", f"decoder.branches.{3 - i}.convs.") for i in range(4)),
            (r"^(decoder\.branches\..*)\.block\.0\.", r"\1.conv."),
            (r"^(decoder\.branches\..*)\.block\.1\.", r"\1.norm."),
        )


class PSPNet(Architecture):
    decoder = "pspnet"
    defaults: ClassVar[Arguments] = {
        "psp_out_channels": 512,
        "decoder_use_norm": "batchnorm",
        "psp_dropout": 0.2,
        "upsampling": 8,
    }
    depth = 3

    def options(self, given: Arguments) -> dict[str, Any]:
        batch_norm(given)
        return {
            "width": given["psp_out_channels"],
            "dropout": given["psp_dropout"],
            "output_stride": None,
            "align_corners": True,
        }

    def names(self, given: Arguments, plan: segzoo.Plan) -> Names:
        return (
            *HEAD,
            (r"^decoder\.psp\.blocks\.(\d)\.pool\.1\.", r"decoder.pooling.branches.\1."),
            (r"^decoder\.conv\.", r"decoder.join."),
            (r"^(decoder\..*)\.0\.(\w+)$", r"\1.conv.\2"),
            (r"^(decoder\..*)\.1\.(\w+)$", r"\1.norm.\2"),
        )

    def magnification(self, given: Arguments) -> int:
        return 2 ** given["encoder_depth"]


class PAN(Architecture):
    decoder = "pan"
    defaults: ClassVar[Arguments] = {
        "encoder_output_stride": 16,
        "decoder_channels": 32,
        "decoder_interpolation": "bilinear",
        "upsampling": 4,
    }

    def options(self, given: Arguments) -> dict[str, Any]:
        only(given, "decoder_interpolation", "bilinear")
        return {
            "width": given["decoder_channels"],
            "output_stride": 16 if only(given, "encoder_output_stride", 16, 32) == 16 else None,
            "align_corners": True,
        }

    def names(self, given: Arguments, plan: segzoo.Plan) -> Names:
        finer = len(plan.stages) - 1
        return (
            *HEAD,
            (r"^decoder\.fpa\.", "decoder.pyramid_attention."),
            (r"\.branch1\.1\.", ".image."),
            (r"\.mid\.0\.", ".middle."),
            (r"\.down1\.1\.", ".at_half."),
            (r"\.down2\.1\.", ".at_quarter."),
            (r"\.down3\.1\.", ".at_eighth.0."),
            (r"\.down3\.2\.", ".at_eighth.1."),
            (r"^(decoder\.pyramid_attention)\.conv2\.", r"\1.from_quarter."),
            (r"^(decoder\.pyramid_attention)\.conv1\.", r"\1.from_half."),
            *((rf"^decoder\.gau{finer - i}\.", f"decoder.upsampling.{i}.") for i in range(finer)),
            (r"^(decoder\.upsampling\.\d)\.conv1\.1\.", r"\1.weigh."),
            (r"^(decoder\.upsampling\.\d)\.conv2\.", r"\1.finer."),
            (r"^(decoder\..*)\.bn\.", r"\1.norm."),
        )


class UPerNet(Architecture):
    decoder = "upernet"
    defaults: ClassVar[Arguments] = {"decoder_channels": 256, "decoder_use_norm": "batchnorm", "upsampling": 4}

    def options(self, given: Arguments) -> dict[str, Any]:
        batch_norm(given)
        return {"width": given["decoder_channels"], "align_corners": True}

    def names(self, given: Arguments, plan: segzoo.Plan) -> Names:
        finer = len(plan.stages) - 1
        return (
            *HEAD,
            (r"^decoder\.feature_norms\.", "decoder.input_norms."),
            (r"^decoder\.psp\.blocks\.(\d)\.1\.", r"decoder.pooling.branches.\1."),
            (r"^decoder\.psp\.out_conv\.", "decoder.context."),
            *(
                (rf"^decoder\.fpn_lateral_blocks\.{i}\.conv_norm_relu\.", f"decoder.laterals.{finer - 1 - i}.")
                for i in range(finer)
            ),
            *((rf"^decoder\.fpn_conv_blocks\.{i}\.", f"decoder.smooth.{finer - 1 - i}.") for i in range(finer)),
            (r"^decoder\.fusion_block\.", "decoder.fuse."),
            (r"^(decoder\.(?!input_norms).*)\.0\.(\w+)$", r"\1.conv.\2"),
            (r"^(decoder\.(?!input_norms).*)\.1\.(\w+)$", r"\1.norm.\2"),
        )
