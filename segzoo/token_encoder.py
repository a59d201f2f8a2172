"""Encoders whose last blocks a decoder may drive, with tokens of its own among theirs: the capability `tokens`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from segzoo.encoder import Encoder


class TokenEncoder(Encoder):
    """Base of plain transformers that let a decoder drive their last blocks, as EoMT does (arXiv:2503.19108).

    Its spec says how many blocks it has, `FeatureSpec.blocks`; that offers the capability. A decoder wishes for it with
    `Selection(tokens=k)`: the encoder then runs all but its last k blocks, and the decoder is given `Tokens` in place
    of maps. The blocks stay the encoder's, with their weights, their freezing, and their decay of the learning rate.

    :ivar prefix: how many tokens, class token and registers, stand in front of the patches.
    """

    prefix: int

    def embed(self, image: Tensor) -> tuple[Tensor, tuple[int, int], Any]:
        """Tokens of an image, before the first block.

        :param image: (B, in_channels, H, W).
        :returns: tokens (B, prefix + h * w, channels), their grid (h, w), and what each block is to know besides, such
            as a rotary embedding of positions, or None.
        """
        raise NotImplementedError

    def block(self, number: int, tokens: Tensor, context: Any, mask: Tensor | None = None) -> Tensor:
        """Run one block.

        :param tokens: (B, T, channels): those of `embed`, and in front of them any number that have no position.
        :param context: what `embed` returned.
        :param mask: bool, to be broadcast to (B, heads, T, T): which token, of the last but one dimension, may attend
            to which, of the last.
        """
        raise NotImplementedError

    def norm(self, tokens: Tensor) -> Tensor:
        """The norm that follows the last block."""
        raise NotImplementedError

    def halt(self, image: Tensor, last: int) -> Tokens:
        """Run all but the last blocks.

        :param image: (B, in_channels, H, W).
        :param last: how many blocks are left.
        """
        tokens, grid, context = self.embed(image)
        halt = self.spec.blocks - last
        for number in range(halt):
            tokens = self.block(number, tokens, context)
        size = (image.shape[-2], image.shape[-1])
        return Tokens(self, tokens, grid, context, size, range(halt, self.spec.blocks))


@dataclass(frozen=True)
class Tokens:
    """A plain transformer that halted before its last blocks: what a decoder that wishes for tokens is given.

    :ivar tokens: (B, prefix + h * w, channels).
    :ivar grid: height and width of the patches, (h, w).
    :ivar context: what each block is to know besides the tokens.
    :ivar size: height and width of the image, as the encoder was given it.
    :ivar remaining: the numbers of the blocks that are left.
    """

    encoder: TokenEncoder
    tokens: Tensor
    grid: tuple[int, int]
    context: Any
    size: tuple[int, int]
    remaining: range

    @property
    def prefix(self) -> int:
        """How many of the tokens, the first ones, are no patches."""
        return self.encoder.prefix

    def block(self, number: int, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """Run one of the blocks that are left.

        :param tokens: (B, T, channels): any number of one's own, then the encoder's.
        :param mask: bool, to be broadcast to (B, heads, T, T): which token may attend to which.
        """
        return self.encoder.block(number, tokens, self.context, mask)

    def norm(self, tokens: Tensor) -> Tensor:
        """The encoder's norm that follows its last block."""
        return self.encoder.norm(tokens)
