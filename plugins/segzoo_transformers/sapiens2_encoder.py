"""Sapiens2, arXiv:2604.21681: timm's, whose last map has passed the final norm, as transformers' heads take it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import timm
from annotated_types import Ge, Le, Len
from torch import Tensor

import segzoo
from segzoo.options import Count, Dropout, Width

ARCHITECTURE = "vit_base_patch16_sapiens2"  # the others differ in sizes alone
SINCE = "1.0.30"
PATCH = 16


class Sapiens2Transformer(segzoo.Encoder):
    """The map after the last block and the norm.

    :param width: channels.
    :param heads: of attention's queries.
    :param key_heads: of its keys and values, of each block in turn: as many, or fewer that queries share.
    :param hidden: channels within an MLP.
    :param registers: how many tokens stand between the class token and the patches.
    :param rope_temperature: the longest period of the positions' rotations, over the shortest.
    :param rope_rescale: up to which factor positions are scaled in training; None leaves them.
    :param drop_path_rate: stochastic depth of the last block; it grows linearly from 0.
    :raises OptionError: when the heads share out neither the width nor each other; when timm is too old.
    """

    def __init__(
        self,
        width: Width = 1024,
        heads: Count = 16,
        key_heads: Annotated[Sequence[Count], Len(1, 256)] = (*(16,) * 8, *(8,) * 8, *(16,) * 8),
        hidden: Width = 4096,
        registers: Annotated[int, Ge(0), Le(256)] = 8,
        rope_temperature: Annotated[float, Ge(1)] = 100.0,
        rope_rescale: Annotated[float, Ge(1)] | None = 2.0,
        in_channels: int = 3,
        drop_path_rate: Dropout = 0.0,
    ) -> None:
        if width % (4 * heads) or any(heads % few for few in key_heads):
            raise segzoo.OptionError(
                f"Sapiens2 needs width a multiple of four times the heads, and heads a multiple of each of key_heads, "
                f"got width={width}, heads={heads}, key_heads={list(key_heads)}"
            )
        if not timm.is_model(ARCHITECTURE):
            raise segzoo.OptionError(
                f"Sapiens2 is made of timm's layers since {SINCE}, and timm {timm.__version__} is installed; "
                "`pip install --upgrade timm`"
            )
        (stage,) = segzoo.place_stages((PATCH,))
        super().__init__(
            segzoo.FeatureSpec(
                (in_channels, *(0,) * (stage - 1), width), (*(2**entry for entry in range(stage)), PATCH)
            ),
            segzoo.InputSpec(multiple=PATCH),
            segzoo.Preprocessing().for_channels(in_channels),
        )
        self.stage = stage
        self.body: Any = timm.create_model(
            ARCHITECTURE,
            in_chans=in_channels,
            num_classes=0,
            embed_dim=width,
            depth=len(key_heads),
            num_heads=heads,
            num_kv_heads=tuple(key_heads),
            mlp_ratio=(hidden + 0.5) / width,  # timm rounds the product down
            num_reg_tokens=registers,
            rope_temperature=rope_temperature,
            rope_rescale_coords=rope_rescale,
            drop_path_rate=drop_path_rate,
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        (last,) = self.body.forward_intermediates(
            image, indices=1, norm=True, output_fmt="NCHW", intermediates_only=True
        )
        return self.complete(image, {self.stage: last})

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        self.body.set_grad_checkpointing(enable)

    def no_weight_decay(self) -> set[str]:
        return {f"body.{name}" for name in self.body.no_weight_decay()}

    def group_matcher(self, coarse: bool = False) -> segzoo.Matcher:
        return segzoo.prefix_matcher(self.body.group_matcher(coarse=coarse), "body.")
