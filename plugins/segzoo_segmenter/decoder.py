"""Segmenter: Transformer for Semantic Segmentation, arXiv:2105.05633, section 3.2: the mask transformer.

B     batch
C, D  channels of the map, of a token
K     classes
N     patches, H times W
H, W  size of the map
"""

from __future__ import annotations

from typing import Annotated, Any

import torch
from annotated_types import Ge, Le, MultipleOf
from timm.layers import trunc_normal_
from torch import Tensor, nn
from torch.nn import functional as F

import segzoo
from segzoo.options import Count, Dropout, OutputStride
from segzoo_segmenter.transformer import Block

HEAD_WIDTH = 64
"""Channels of an attention head, in all of the paper's models."""
PYRAMID_WIDTH = 192


class SegmenterDecoder(segzoo.Decoder):
    """A token per class joins the patches of the deepest map in a small transformer; their products are the masks.

    The masks have the deepest map's stride, so that of a pyramid, which is far coarser than the paper's patches, is
    wished to be its smallest patch.

    Two things are initialised otherwise than in the paper's code, which is for pretrained encoders and long training.
    The class tokens start with unit variance instead of 0.02: lost beside what attention adds to all of them alike,
    they take several times the steps to come apart. And each block starts as the identity, so that the masks begin
    as plain products.

    Seg-B-Mask/16 is published with 106 M parameters. The authors' code gives 103.3 M for 150 classes: the 102.2 M of
    this decoder on ViT-B/16 for 384 pixels, 0.3 M of positions for 512, and 0.8 M of the encoder's last norm and of its
    classifier, which it keeps and doesn't use. What it gives for Seg-T, Seg-L and Seg-B/8 is what is published.

    :param classes: how many.
    :param width: channels of the tokens, a multiple of 64; if None those of a transformer's maps, as in the paper,
        rounded to the next multiple and at most 1024, and on a pyramid 192, the paper's smallest.
    :param blocks: transformer blocks.
    :param dropout: in attention and MLP.
    :param output_stride: what to wish for where a pyramid's deepest map is coarser: 8, 16, or None for nothing.
    """

    emits = "logits"
    finest_stride = 2
    role = "patches"

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        classes: int,
        width: Annotated[int, MultipleOf(HEAD_WIDTH), Ge(HEAD_WIDTH), Le(65536)] | None = None,
        blocks: Count = 2,
        dropout: Dropout = 0.1,
    ) -> None:
        (channels,) = stages.channels
        width = min(1024, HEAD_WIDTH * -(-channels // HEAD_WIDTH)) if width is None else width
        super().__init__(stages, out_channels=classes)
        self.project = nn.Linear(channels, width)
        self.class_tokens = nn.Parameter(torch.zeros(1, classes, width))
        self.blocks = nn.Sequential(*(Block(width, width // HEAD_WIDTH, dropout) for _ in range(blocks)))
        self.norm = nn.LayerNorm(width)
        self.project_patches = nn.Linear(width, width, bias=False)
        self.project_classes = nn.Linear(width, width, bias=False)
        # over a single class a layer norm would leave a constant
        self.norm_masks = nn.LayerNorm(classes) if classes > 1 else nn.Identity()
        self._initialise()

    def _initialise(self) -> None:
        nn.init.normal_(self.class_tokens)
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear):
                if name.endswith(("attn.proj", "mlp.fc2")):  # the last layer of a residual branch
                    nn.init.zeros_(module.weight)
                else:
                    trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for projection in (self.project_patches, self.project_classes):
            nn.init.normal_(projection.weight, std=projection.in_features**-0.5)

    @classmethod
    def negotiate(cls, offer: segzoo.FeatureSpec, output_stride: OutputStride = 8, **options: Any) -> segzoo.Selection:
        """The deepest map, of a pyramid dilated if the encoder can."""
        deepest = super().negotiate(offer).stages[-1]
        if offer.isotropic:
            return segzoo.Selection(stages=(deepest,), roles=(cls.role,))
        return segzoo.Selection(
            stages=(deepest,),
            output_stride=output_stride,
            roles=(cls.role,),
            options={"width": PYRAMID_WIDTH} if options["width"] is None else {},
            notes=("segmenter: made for a transformer of one resolution; of a pyramid it takes the deepest map",),
        )

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C, H, W) to (B, K, H, W)."""
        (deepest,) = features
        patches = self.project(deepest.flatten(2).transpose(-2, -1))
        classes = self.class_tokens.expand(patches.shape[0], -1, -1)
        tokens = self.norm(self.blocks(torch.cat([patches, classes], dim=1)))
        patches, classes = tokens[:, : -self.out_channels], tokens[:, -self.out_channels :]
        patches = F.normalize(self.project_patches(patches), dim=-1)
        classes = F.normalize(self.project_classes(classes), dim=-1)
        masks = self.norm_masks(patches @ classes.transpose(-2, -1))
        return masks.transpose(-2, -1).unflatten(2, deepest.shape[-2:])

    def no_weight_decay(self) -> set[str]:
        return {"class_tokens"}
