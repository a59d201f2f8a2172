"""The pixel decoder of Mask2Former, arXiv:2112.01527, section 4.1: multi-scale deformable attention, arXiv:2010.04159.

B         batch
C_l       channels of level l, coarse to fine
D         channels of each level, and of the result
N         cells of all levels
h_l, w_l  size of level l
H, W      size of the finest map
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from segzoo.nn import MLP, ConvNormAct, DeformableAttention, cell_centres, resize, sine_positions


class PixelDecoder(nn.Module):
    """Deformable attention among the cells of all coarser maps, and one step of a feature pyramid to the finest.

    :param finest: channels of the finest map.
    :param coarser: channels of the others, fine to coarse.
    :param width: a multiple of 32.
    :param layers: of deformable attention.
    :param hidden: width of the MLPs between them.
    """

    def __init__(
        self, finest: int, coarser: Sequence[int], width: int, layers: int, hidden: int, dropout: float
    ) -> None:
        super().__init__()
        self.width = width
        self.project = nn.ModuleList(
            ConvNormAct(channels, width, kernel=1, bias=True, norm="groupnorm", act=None)
            for channels in reversed(coarser)
        )
        self.level_embeds = nn.Parameter(torch.randn(len(coarser), width, 1, 1))
        self.layers = nn.ModuleList(DeformableLayer(width, len(coarser), hidden, dropout) for _ in range(layers))
        self.lateral = ConvNormAct(finest, width, kernel=1, norm="groupnorm", act=None)
        self.smooth = ConvNormAct(width, width, norm="groupnorm")
        self.pixels = nn.Conv2d(width, width, 1)
        self._initialise()

    def _initialise(self) -> None:
        for name, module in self.named_modules():
            if isinstance(module, nn.Conv2d):
                if name.startswith("project"):
                    nn.init.xavier_uniform_(module.weight)
                else:
                    nn.init.kaiming_uniform_(module.weight, a=1)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, finest: Tensor, coarser: Sequence[Tensor]) -> tuple[list[Tensor], Tensor]:
        """Decode.

        :param finest: its map.
        :param coarser: the other maps, fine to coarse.
        :returns: the levels (B, D, h_l, w_l), coarse to fine, and what masks are made of, (B, D, H, W).
        """
        levels = [project(each) for project, each in zip(self.project, reversed(coarser), strict=True)]
        sizes = [level.shape[-2:] for level in levels]
        tokens = _joined(levels)
        positions = _joined(
            [sine_positions(level, self.width) + embed for level, embed in zip(levels, self.level_embeds, strict=True)]
        )
        centres = torch.cat([cell_centres(level) for level in levels], dim=1)
        for layer in self.layers:
            tokens = layer(tokens, positions, centres, sizes)
        parts = tokens.transpose(1, 2).split([height * width for height, width in sizes], dim=2)
        levels = [part.unflatten(-1, size) for part, size in zip(parts, sizes, strict=True)]
        lateral = self.lateral(finest)
        return levels, self.pixels(self.smooth(lateral + resize(levels[-1], lateral.shape[-2:])))


class DeformableLayer(nn.Module):
    """Each cell attends to a few places of every level, then an MLP; a norm after each: (B, N, D) to the same."""

    def __init__(self, width: int, levels: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.attend = DeformableAttention(width, levels=levels)
        self.norm1 = nn.LayerNorm(width)
        self.mlp = MLP(width, hidden, width, layers=2)
        self.norm2 = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        for weight in self.mlp.parameters():
            if weight.ndim > 1:
                nn.init.xavier_uniform_(weight)

    def forward(self, tokens: Tensor, positions: Tensor, centres: Tensor, sizes: Sequence[Sequence[int]]) -> Tensor:
        attended = self.attend(tokens + positions, centres, tokens, sizes)
        tokens = self.norm1(tokens + self.dropout(attended))
        return self.norm2(tokens + self.dropout(self.mlp(tokens)))


def _joined(levels: Sequence[Tensor]) -> Tensor:
    """Maps (B, D, h_l, w_l) as cells (B, N, D)."""
    return torch.cat([level.flatten(2) for level in levels], dim=2).transpose(1, 2)
