"""What a decoder or neck needs around it: an encoder of the catalogue, and what both agreed on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from segzoo.decoder import Decoder
from segzoo.handshake.arguments import Arguments
from segzoo.handshake.negotiation import negotiate
from segzoo.neck import Neck
from segzoo.testing.cases import CLASSES
from segzoo.testing.catalogue import synthetic_encoder


class Surroundings:
    """What is planned around a subject: an encoder of the catalogue and perhaps a neck, on the meta device."""

    def __init__(
        self,
        pattern: str,
        decoder: type[Decoder],
        options: Mapping[str, Any] | None = None,
        neck: str | type[Neck] = "auto",
    ) -> None:
        with torch.device("meta"):
            self.encoder = synthetic_encoder(pattern)
            agreement = negotiate(
                Arguments(
                    encoder=self.encoder, decoder=decoder, classes=CLASSES, neck=neck, decoder_options=options or {}
                )
            )
            self.plan = agreement.plan
            self.neck = agreement.build_neck()

    def encoded(self, size: tuple[int, int], batch: int) -> list[torch.Size]:
        """The shapes of the encoder's list."""
        return [feature.shape for feature in self._encoded(size, batch)]

    def offered(self, size: tuple[int, int], batch: int) -> list[torch.Size]:
        """The shapes that a decoder selects from: the neck's list if there is one."""
        features = self._encoded(size, batch)
        with torch.no_grad():
            return [feature.shape for feature in (self.neck(features) if self.neck else features)]

    def _encoded(self, size: tuple[int, int], batch: int) -> list[Tensor]:
        with torch.no_grad():
            return self.encoder(torch.empty(batch, 3, *size, device="meta"))
