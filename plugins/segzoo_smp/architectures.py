"""SMP's twelve architectures: their arguments as options of segzoo's decoders, and their weights' names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import segzoo
from segzoo_smp.recipes import DEPTH, Names

Arguments = Mapping[str, Any]

HEAD: Names = ((r"^segmentation_head\.0\.", "head.classifiers.logits.conv."),)
UP_STEP: Names = (
    (r"^(decoder\..*)\.conv1\.0\.", r"\1.join.conv."),
    (r"^(decoder\..*)\.conv1\.1\.", r"\1.join.norm."),
    (r"^(decoder\..*)\.conv2\.0\.", r"\1.refine.conv."),
    (r"^(decoder\..*)\.conv2\.1\.", r"\1.refine.norm."),
    (r"\.attention1\.attention\.", ".recalibrate_joined."),
    (r"\.attention2\.attention\.", ".recalibrate."),
    (r"\.cSE\.1\.", ".channel.squeeze."),
    (r"\.cSE\.3\.", ".channel.excite."),
    (r"\.sSE\.0\.", ".pixel."),
)
"""Of the steps of U-Net and its descendants."""
ASPP: Names = (
    (r"^(decoder\..*)\.convs\.0\.0\.", r"\1.point.conv."),
    (r"^(decoder\..*)\.convs\.0\.1\.", r"\1.point.norm."),
    (r"^(decoder\..*)\.convs\.4\.1\.", r"\1.pooling.branches.0.conv."),
    (r"^(decoder\..*)\.convs\.4\.2\.", r"\1.pooling.branches.0.norm."),
    *((rf"^(decoder\..*)\.convs\.{rate + 1}\.", rf"\1.atrous.{rate}.") for rate in range(3)),
    (r"^(decoder\..*)\.project\.0\.", r"\1.project.conv."),
    (r"^(decoder\..*)\.project\.1\.", r"\1.project.norm."),
)
PLAIN_ATROUS: Names = (
    (r"\.atrous\.(\d)\.0\.", r".atrous.\1.conv."),
    (r"\.atrous\.(\d)\.1\.", r".atrous.\1.norm."),
)
SEPARABLE_ATROUS: Names = (
    (r"\.atrous\.(\d)\.0\.0\.", r".atrous.\1.depthwise.conv."),
    (r"\.atrous\.(\d)\.0\.1\.", r".atrous.\1.pointwise.conv."),
    (r"\.atrous\.(\d)\.1\.", r".atrous.\1.pointwise.norm."),
)


SQUEEZE = 16
"""By which scSE's squeeze divides the channels."""


class Architecture:
    """One of them.

    :cvar decoder: segzoo's name of the decoder.
    :cvar defaults: the constructor's arguments besides those that all have.
    :cvar depth: of the encoder, by default.
    :cvar depths: those that segzoo's encoders have.
    """

    decoder: str
    defaults: ClassVar[Arguments] = {}
    depth = 5
    depths = range(1, DEPTH + 1)

    def output_stride(self, given: Arguments) -> int:
        """To which the encoder is dilated; 32 for not at all."""
        return given.get("encoder_output_stride", 32)

    def encoder_depth(self, given: Arguments) -> int | None:
        """Segzoo's depth of the encoder, None for its own."""
        return given["encoder_depth"]

    def options(self, given: Arguments) -> dict[str, Any]:
        """The decoder's.

        :raises CheckpointError: for an argument that segzoo's decoder has no option for.
        """
        raise NotImplementedError

    def check(self, given: Arguments, plan: segzoo.Plan) -> None:
        """Refuse what shows only once the encoder's maps are known.

        :raises CheckpointError: when segzoo's decoder takes other maps than SMP's.
        """
        strides = tuple(min(2**stage, self.output_stride(given)) for stage in range(given["encoder_depth"] + 1))
        if plan.encoder_spec.strides != strides:
            raise segzoo.CheckpointError(
                f"SMP's encoder {given['encoder_name']} can't be brought in: its maps are those of strides {strides}, "
                f"and segzoo's encoder has {plan.encoder_spec.strides}"
            )

    def notes(self, plan: segzoo.Plan) -> tuple[str, ...]:
        """Where the logits differ from SMP's all the same."""
        return ()

    def names(self, given: Arguments, plan: segzoo.Plan) -> Names:
        """Regular expressions on SMP's names of the weights, and segzoo's."""
        raise NotImplementedError

    def unused(self, given: Arguments) -> tuple[str, ...]:
        """Regular expressions on SMP's names of weights that it holds and never computes with."""
        return ()

    def magnification(self, given: Arguments) -> int:
        """The `upsampling` with which SMP's logits have the image's size."""
        return 4


class Unet(Architecture):
    decoder = "unet"
    defaults: ClassVar[Arguments] = {
        "decoder_use_norm": "batchnorm",
        "decoder_channels": (256, 128, 64, 32, 16),
        "decoder_attention_type": None,
        "decoder_interpolation": "nearest",
    }

    def options(self, given: Arguments) -> dict[str, Any]:
        only(given, "decoder_interpolation", "nearest")
        attention = only(given, "decoder_attention_type", None, "scse")
        if attention and min(given["decoder_channels"], default=SQUEEZE) < SQUEEZE:
            raise segzoo.CheckpointError(
                f"decoder_attention_type='scse' with decoder_channels={list(given['decoder_channels'])} can't be "
                f"brought in: of fewer than {SQUEEZE} channels SMP squeezes none, and segzoo one"
            )
        return {
            "widths": list(given["decoder_channels"]),
            "norm": norm(given),
            "attention": attention,
            "center": given["encoder_name"].startswith("vgg"),
        }

    def notes(self, plan: segzoo.Plan) -> tuple[str, ...]:
        empty = [plan.spec.strides[stage] for stage in plan.stages if plan.spec.is_placeholder(stage)]
        return tuple(
            f"where the encoder has no map, at stride {stride}, its size is rounded up; SMP rounds it down, so that "
            f"logits differ for images whose sides aren't multiples of {stride}"
            for stride in empty
        )

    def names(self, given: Arguments, plan: segzoo.Plan) -> Names:
        return (
            *HEAD,
            (r"^decoder\.blocks\.", "decoder.steps."),
            (r"^decoder\.center\.(\d)\.0\.", r"decoder.center.\1.conv."),
            (r"^decoder\.center\.(\d)\.1\.", r"decoder.center.\1.norm."),
            *UP_STEP,
        )

    def unused(self, given: Arguments) -> tuple[str, ...]:
        return (rf"^decoder\.blocks\.{given['encoder_depth'] - 1}\.attention1\.",)  # nothing is joined there


class UnetPlusPlus(Unet):
    decoder = "unetplusplus"

    def options(self, given: Arguments) -> dict[str, Any]:
        options = super().options(given)
        del options["center"]
        return options

    def check(self, given: Arguments, plan: segzoo.Plan) -> None:
        super().check(given, plan)
        empty = [plan.spec.strides[stage] for stage in plan.stages if plan.spec.is_placeholder(stage)]
        if empty:
            raise segzoo.CheckpointError(
                f"SMP's UnetPlusPlus with {given['encoder_name']} can't be brought in: at stride {empty[0]} the "
                "encoder has no map, where SMP leaves all nodes but one out, and segzoo's unetplusplus has them"
            )

    def names(self, given: Arguments, plan: segzoo.Plan) -> Names:
        rows = given["encoder_depth"] - 1
        nodes = [(coarse, node) for coarse in range(rows) for node in range(coarse + 1)]
        return (
            *HEAD,
            *((rf"^decoder\.blocks\.x_{row - node}_{row}\.", f"decoder.rows.{row}.{node}.") for row, node in nodes),
            (rf"^decoder\.blocks\.x_0_{rows}\.", "decoder.last."),
            *UP_STEP,
        )

    def unused(self, given: Arguments) -> tuple[str, ...]:
        last = rf"^decoder\.blocks\.x_0_{given['encoder_depth'] - 1}\.attention1\."
        return last, r"^decoder\.center\."


class MAnet(Architecture):
    decoder = "manet"
    defaults: ClassVar[Arguments] = {
        "decoder_use_norm": "batchnorm",
        "decoder_channels": (256, 128, 64, 32, 16),
        "decoder_pab_channels": 64,
        "decoder_interpolation": "nearest",
    }

    def options(self, given: Arguments) -> dict[str, Any]:
        only(given, "decoder_interpolation", "nearest")
        return {
            "widths": list(given["decoder_channels"]),
            "norm": norm(given),
            "position_width": given["decoder_pab_channels"],
        }

    def names(self, given: Arguments, plan: segzoo.Plan) -> Names:
        skips = [stage for stage in reversed(plan.stages[:-1]) if stage > 0]
        fused = [step for step, stage in enumerate(skips) if not plan.spec.is_placeholder(stage)]
        return (
            *HEAD,
            (r"^decoder\.center\.top_conv\.", "decoder.center.key."),
            (r"^decoder\.center\.center_conv\.", "decoder.center.query."),
            (r"^decoder\.center\.bottom_conv\.", "decoder.center.value."),
            (r"^decoder\.center\.out_conv\.", "decoder.center.mix."),
            *((rf"^decoder\.blocks\.{step}\.conv", f"decoder.steps.{step}.step.conv") for step in fused),
            (r"^decoder\.blocks\.", "decoder.steps."),
            (r"\.hl_conv\.(\d)\.0\.", r".bring.\1.conv."),
            (r"\.hl_conv\.(\d)\.1\.", r".bring.\1.norm."),
            (r"\.SE_hl\.", ".weigh_below."),
            (r"\.SE_ll\.", ".weigh_skip."),
            (r"(\.weigh_\w+)\.1\.", r"\1.squeeze."),
            (r"(\.weigh_\w+)\.3\.", r"\1.excite."),
            *UP_STEP,
        )


class Linknet(Architecture):
    decoder = "linknet"
    defaults: ClassVar[Arguments] = {"decoder_use_norm": "batchnorm"}

    def options(self, given: Arguments) -> dict[str, Any]:
        batch_norm(given)
        return {"width": 32}

    def names(self, given: Arguments, plan: segzoo.Plan) -> Names:
        return (
            *HEAD,
            (r"^decoder\.blocks\.(\d)\.block\.0\.0\.", r"decoder.steps.\1.reduce.conv."),
            (r"^decoder\.blocks\.(\d)\.block\.0\.1\.", r"decoder.steps.\1.reduce.norm."),
            (r"^decoder\.blocks\.(\d)\.block\.1\.", r"decoder.steps.\1.grow."),
            (r"^decoder\.blocks\.(\d)\.block\.2\.0\.", r"decoder.steps.\1.expand.conv."),
            (r"^decoder\.blocks\.(\d)\.block\.2\.1\.", r"decoder.steps.\1.expand.norm."),
        )


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


class DeepLabV3(Architecture):
    decoder = "deeplabv3"
    defaults: ClassVar[Arguments] = {
        "encoder_output_stride": 8,
        "decoder_channels": 256,
        "decoder_atrous_rates": (12, 24, 36),
        "decoder_aspp_separable": False,
        "decoder_aspp_dropout": 0.5,
        "upsampling": None,
    }

    def options(self, given: Arguments) -> dict[str, Any]:
        return {
            "width": given["decoder_channels"],
            "rates": list(given["decoder_atrous_rates"]),
            "separable": given["decoder_aspp_separable"],
            "dropout": given["decoder_aspp_dropout"],
            "output_stride": only(given, "encoder_output_stride", 8, 16),
            "align_corners": True,
        }

    def names(self, given: Arguments, plan: segzoo.Plan) -> Names:
        return (
            *HEAD,
            (r"^decoder\.0\.", "decoder.aspp."),  # SMP's own names before version 0.4
            (r"^decoder\.1\.", "decoder.conv."),
            (r"^decoder\.2\.", "decoder.bn."),
            *ASPP,
            *(SEPARABLE_ATROUS if given["decoder_aspp_separable"] else PLAIN_ATROUS),
            (r"^decoder\.conv\.", "decoder.refine.conv."),
            (r"^decoder\.bn\.", "decoder.refine.norm."),
        )

    def magnification(self, given: Arguments) -> int:
        return min(2 ** given["encoder_depth"], given["encoder_output_stride"])


class DeepLabV3Plus(DeepLabV3):
    decoder = "deeplabv3plus"
    defaults: ClassVar[Arguments] = {
        **DeepLabV3.defaults,
        "encoder_output_stride": 16,
        "decoder_aspp_separable": True,
        "upsampling": 4,
    }

    def names(self, given: Arguments, plan: segzoo.Plan) -> Names:
        return (
            *HEAD,
            (r"^decoder\.aspp\.1\.0\.", "decoder.refine.depthwise.conv."),
            (r"^decoder\.aspp\.1\.1\.", "decoder.refine.pointwise.conv."),
            (r"^decoder\.aspp\.2\.", "decoder.refine.pointwise.norm."),
            (r"^decoder\.aspp\.0\.", "decoder.aspp."),
            *ASPP,
            *(SEPARABLE_ATROUS if given["decoder_aspp_separable"] else PLAIN_ATROUS),
            (r"^decoder\.block1\.0\.", "decoder.low.conv."),
            (r"^decoder\.block1\.1\.", "decoder.low.norm."),
            (r"^decoder\.block2\.0\.0\.", "decoder.fuse.0.depthwise.conv."),
            (r"^decoder\.block2\.0\.1\.", "decoder.fuse.0.pointwise.conv."),
            (r"^decoder\.block2\.1\.", "decoder.fuse.0.pointwise.norm."),
        )

    def magnification(self, given: Arguments) -> int:
        return 4


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
                f"SMP's DPT with {given['encoder_name']} can't be brought in: it takes {wanted} maps evenly out of all "
                f"blocks, and segzoo's encoder gives its dpt {found} of {len(maps)}"
            )
        odd = [stride for stride in plan.spec.select(plan.stages).strides if stride.bit_count() != 1]
        if odd:
            raise segzoo.CheckpointError(
                f"SMP's DPT with {given['encoder_name']} can't be brought in: for patches of {odd[0]} pixels its "
                "layers upsample by other factors than those of segzoo's dpt"
            )
        if given["decoder_readout"] == "cat" and plan.request.prefix is None:
            raise segzoo.CheckpointError(
                f"SMP's DPT with {given['encoder_name']} can't be brought in with decoder_readout='cat': the encoder "
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


ARCHITECTURES: Mapping[str, Architecture] = {
    kind.__name__: kind()
    for kind in (
        *(Unet, UnetPlusPlus, MAnet, Linknet, FPN, PSPNet, DeepLabV3, DeepLabV3Plus, PAN, UPerNet, Segformer, DPT),
    )
}
"""By the names of SMP's classes."""


def only(given: Arguments, name: str, *supported: Any) -> Any:
    """The argument, if it is one of those that segzoo's decoder has too.

    :raises CheckpointError: when it isn't.
    """
    if given[name] not in supported:
        raise segzoo.CheckpointError(
            f"{name}={given[name]!r} can't be brought in: segzoo's decoder has {' or '.join(map(repr, supported))}"
        )
    return given[name]


def norm(given: Arguments) -> str | None:
    """The name of the norm after each of the decoder's convolutions, None for none."""
    wanted = given["decoder_use_norm"]
    if isinstance(wanted, Mapping) and set(wanted) == {"type"}:
        wanted = wanted["type"]
    if wanted is True or wanted == "batchnorm":
        return "batchnorm2d"
    if wanted is False or wanted == "identity":
        return None
    raise segzoo.CheckpointError(
        f"decoder_use_norm={wanted!r} can't be brought in: segzoo's decoder has batch norms as they are by default "
        "('batchnorm') or none ('identity')"
    )


def batch_norm(given: Arguments) -> None:
    """Refuse any other norm, for a decoder that has no choice."""
    if norm(given) is None:
        raise segzoo.CheckpointError(
            f"decoder_use_norm={given['decoder_use_norm']!r} can't be brought in: segzoo's decoder has batch norms"
        )
