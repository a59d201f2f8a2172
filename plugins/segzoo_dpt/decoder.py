"""Vision Transformers for Dense Prediction, arXiv:2103.13413, section 3.

B         batch
C_i       channels of map i, fine to coarse, its class token's included
D         channels of the fusion
H_i, W_i  size of map i; of entry 0, from which the size alone is taken
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

import segzoo
from segzoo.nn import ConvNormAct, he_initialise
from segzoo.options import Dropout, Width, Widths
from segzoo_dpt.fusion import Fusion, ResidualUnit
from segzoo_dpt.reassembly import FINEST_STRIDE, ProjectReadout, Reassemble, doublings_of, is_plain, is_pyramid

OUTPUT_STRIDE = 2


class DPTDecoder(segzoo.Decoder):
    """Blocks of a transformer reassembled into a pyramid, then fused from the coarsest up, to stride 2.

    The blocks of a plain transformer are brought to strides 4, 8, 16 and 32, each with the class token read into it. A
    pyramid keeps its strides, and what isn't of one resolution throughout has no readout.

    :param width: channels of the fusion, and of the output.
    :param reassemble_widths: channels of each map as it changes its resolution, fine to coarse; by default 256, 512,
        1024, 1024 as for ViT-Large; 96, 192, 384, 768 is the paper's ViT-Base.
    :param readout: "project" asks a plain transformer for its class token and mixes it into each pixel, which takes the
        token's channels away again; where the encoder has none, and with "ignore", the maps are taken alone.
    :param readout_act: what follows the layer that mixes; "gelu_tanh" is TIPSv2's approximation.
    :param dropout: of whole channels, before the classifier.
    :param residual_norm: whether the residual units have batch norms, as for segmentation in the paper's code.
    :param residual_bias: whether their convolutions have biases; if None, where no norm follows.
    :param refine_coarsest: whether the coarsest level, to which nothing is added, passes two residual units as the
        others do, as in segmentation_models_pytorch; where not, one, as in the paper's code.
    :param last_act: whether batch norm and ReLU follow the last convolution; TIPSv2 has neither.
    :param output_size: half the image's, or double the finest level's, as in TIPSv2; for patches of 14 pixels, which
        count as 16 here, that is 8/14 of the image's.
    :param align_corners: how maps and logits are resized: whether the centres of the corner pixels agree, as in
        segmentation_models_pytorch and the paper's code; "maps" for the maps alone, as in TIPSv2.
    """

    finest_stride = FINEST_STRIDE
    role = "reassembled"
    memory_format = torch.channels_last

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        width: Width = 256,
        reassemble_widths: Widths | None = None,
        readout: Literal["project", "ignore"] = "project",
        readout_act: Literal["gelu", "gelu_tanh"] = "gelu",
        dropout: Dropout = 0.1,
        residual_norm: bool = True,
        residual_bias: bool | None = None,
        refine_coarsest: bool = True,
        last_act: bool = True,
        output_size: Literal["half", "double"] = "half",
        align_corners: bool | Literal["maps"] = False,
    ) -> None:
        maps = stages.select(range(1, len(stages)))
        if reassemble_widths is None:
            reassemble_widths = [min(1024, 256 * 2**level) for level in range(len(maps))]
        if len(reassemble_widths) != len(maps):
            raise segzoo.OptionError(
                f"dpt needs reassemble_widths for each of {len(maps)} maps, fine to coarse, got "
                f"{list(reassemble_widths)}"
            )
        super().__init__(stages, out_channels=width)
        self.head_dropout = dropout
        self.head_align_corners = align_corners is True
        self.doubles = output_size == "double"
        tokens = maps.token_channels if readout == "project" else (0,) * len(maps)
        widths = [channels - token for channels, token in zip(maps.channels, tokens, strict=True)]
        self.readouts = nn.ModuleList(
            ProjectReadout(before + token, before, readout_act) if token else nn.Identity()
            for before, token in zip(widths, tokens, strict=True)
        )
        self.reassembles = nn.ModuleList(
            Reassemble(before, inner, width, doublings)
            for before, inner, doublings in zip(widths, reassemble_widths, doublings_of(maps), strict=True)
        )
        residual_unit = partial(ResidualUnit, width, "batchnorm2d" if residual_norm else None, residual_bias)
        self.fusions = nn.ModuleList(Fusion(width, residual_unit, bool(align_corners)) for _ in maps.channels)
        if not refine_coarsest:
            self.fusions[-1].refine_level = nn.Identity()
        self.refine = ConvNormAct(width, width) if last_act else ConvNormAct(width, width, norm=None, act=None)
        self.apply(he_initialise)

    @classmethod
    def negotiate(cls, offer: segzoo.FeatureSpec, **options: Any) -> segzoo.Selection:
        """The maps from stride 4 on, and what shows the size of stride 2."""
        selection = super().negotiate(offer)
        half = max(entry for entry, stride in enumerate(offer.strides) if stride <= OUTPUT_STRIDE)
        maps = offer.select(selection.stages)
        return replace(
            selection,
            stages=(half, *selection.stages),
            placeholders=True,
            prefix="concat" if options["readout"] == "project" and is_plain(maps) else None,
            roles=("size only", *selection.roles),
            notes=("dpt: the encoder's maps are a pyramid, and keep their strides",) if is_pyramid(maps) else (),
        )

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C_i, H_i, W_i) each to (B, D, H_0, W_0), or twice the finest level's size."""
        half, *maps = features
        levels = [
            reassemble(readout(each))
            for readout, reassemble, each in zip(self.readouts, self.reassembles, maps, strict=True)
        ]
        height, width = levels[0].shape[-2:]
        finest = (2 * height, 2 * width) if self.doubles else half.shape[-2:]
        sizes = [finest, *(level.shape[-2:] for level in levels[:-1])]
        fused = None
        for fusion, level, size in reversed(list(zip(self.fusions, levels, sizes, strict=True))):
            fused = fusion(level, fused, size)
        return self.refine(fused)
