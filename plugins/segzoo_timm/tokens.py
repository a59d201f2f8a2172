"""Timm's plain transformers as encoders whose last blocks a decoder may drive.

B     batch
T     tokens: those that a decoder puts in front, the prefix, and the patches
N     patches, h times w
C     channels
"""

from __future__ import annotations

from typing import Any

import torch
from timm.models import checkpoint
from timm.models.eva import Eva
from torch import Tensor
from torch.nn import functional as F

import segzoo
from segzoo_timm.encoder import TimmEncoder
from segzoo_timm.extraction import Body
from segzoo_timm.survey import Survey


class TimmTokenEncoder(TimmEncoder, segzoo.TokenEncoder):
    """A plain transformer of timm's. Its final norm, which no map needs, is kept where a decoder is to drive it."""

    def __init__(
        self, body: Body, found: Survey, preprocessing: segzoo.Preprocessing, projected: int | None = None
    ) -> None:
        norms = body.norm, body.fc_norm
        super().__init__(body, found, preprocessing, projected)
        if found.driven:
            body.norm, body.fc_norm = norms
        self.prefix = body.num_prefix_tokens

    def embed(self, image: Tensor) -> tuple[Tensor, tuple[int, int], Any]:
        patches = self.body.patch_embed(self.colours(image))  # (B, h, w, C)
        tokens, context = self._with_positions(patches)
        return self.body.norm_pre(tokens), (patches.shape[1], patches.shape[2]), context

    def block(self, number: int, tokens: Tensor, context: Any, mask: Tensor | None = None) -> Tensor:
        block, known = self.body.blocks[number], self._known(number, tokens, context)
        if self.body.grad_checkpointing:
            result: Tensor = checkpoint(block, tokens, attn_mask=mask, use_reentrant=False, **known)
            return result
        return block(tokens, attn_mask=mask, **known)

    def norm(self, tokens: Tensor) -> Tensor:
        return self.body.fc_norm(self.body.norm(tokens))  # one of them: models that average their tokens have the first

    def _with_positions(self, patches: Tensor) -> tuple[Tensor, Any]:
        """Patches (B, h, w, C) as tokens (B, prefix + N, C), and what the blocks are to know of positions."""
        raise NotImplementedError

    def _known(self, number: int, tokens: Tensor, context: Any) -> dict[str, Any]:
        """What a block is told beside the tokens."""
        return {}


class VisionTransformerEncoder(TimmTokenEncoder):
    """Timm's `VisionTransformer`, whose positions are added to the tokens."""

    def _with_positions(self, patches: Tensor) -> tuple[Tensor, Any]:
        return self.body._pos_embed(patches), None


class EvaEncoder(TimmTokenEncoder):
    """Timm's `Eva`, most of which rotate queries and keys of each patch by its position: EVA-02, DINOv3 and others.

    A decoder's tokens stand before the prefix, and timm rotates all tokens but the first ones, as many as the prefix
    has. So the others that have no position are rotated by nothing, and the same encoder serves several decoders.
    """

    def _with_positions(self, patches: Tensor) -> tuple[Tensor, Any]:
        tokens, rotations = self.body._pos_embed(patches)
        return tokens, rotations

    def _known(self, number: int, tokens: Tensor, context: Any) -> dict[str, Any]:
        if context is None:
            return {"rope": None}
        rotations = context[number] if self.body.rope_mixed else context  # (..., N, sines and cosines)
        sines, cosines = rotations.chunk(2, dim=-1)
        extra = tokens.shape[1] - self.prefix - rotations.shape[-2]
        unmoved = (0, 0, extra, 0)
        return {"rope": torch.cat([F.pad(sines, unmoved), F.pad(cosines, unmoved, value=1.0)], dim=-1)}


def encoder_of(
    body: Body, found: Survey, preprocessing: segzoo.Preprocessing, projected: int | None = None
) -> TimmEncoder:
    """The encoder that fits a model."""
    plain = EvaEncoder if isinstance(body, Eva) else VisionTransformerEncoder
    return (plain if found.spec.blocks else TimmEncoder)(body, found, preprocessing, projected)
