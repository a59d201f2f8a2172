"""An encoder whose last blocks a decoder drives, as one module."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from segzoo.decoder import Decoder
from segzoo.encoder import Encoder
from segzoo.errors import ContractError
from segzoo.token_encoder import TokenEncoder


class Driven(nn.Module):
    """Halts an encoder before its last blocks, and lets a decoder go on from there.

    :param last: how many blocks the decoder drives.
    :raises ContractError: when the encoder lacks the capability that its spec declares.
    """

    def __init__(self, encoder: Encoder, decoder: Decoder, last: int) -> None:
        super().__init__()
        if not isinstance(encoder, TokenEncoder):
            raise ContractError(
                f"{type(encoder).__name__} declares {encoder.spec.blocks} blocks that a decoder may drive, and is no "
                "segzoo.TokenEncoder"
            )
        self.encoder = encoder
        self.decoder = decoder
        self.last = last

    def forward(self, image: Tensor) -> Any:
        """What the decoder makes of an image (B, in_channels, H, W)."""
        return self.decoder(self.encoder.halt(image, self.last))
