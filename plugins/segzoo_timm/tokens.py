"""A plain transformer of timm's, whose last blocks a decoder may drive: timm's VisionTransformer and Eva classes."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

import segzoo
from segzoo_timm.encoder import TimmEncoder


class TimmTokenEncoder(TimmEncoder, segzoo.TokenEncoder):
    """Its blocks one by one, between timm's own embedding and norm."""

    @property
    def prefix(self) -> int:  # type: ignore[override]
        """Class token, distillation token and registers."""
        return self.body.num_prefix_tokens

    def embed(self, image: Tensor) -> tuple[Tensor, tuple[int, int], Any]:
        fixed = self.input_spec.fixed
        if fixed is not None and fixed != tuple(image.shape[-2:]):
            image = segzoo.nn.resize(image, fixed)
        image = self.colours(image)
        patches = self.body.patch_embed(image)
        height, width = patches.shape[1:3] if patches.ndim == 4 else self._grid(image)
        embedded = self.body._pos_embed(patches)  # what its subclasses override, private as the name is
        tokens, positions = embedded if isinstance(embedded, tuple) else (embedded, None)
        if positions is None and isinstance(self.body.patch_drop, nn.Module):
            tokens = self.body.patch_drop(tokens)
        return self.body.norm_pre(tokens), (height, width), positions

    def _grid(self, image: Tensor) -> tuple[int, int]:
        height, width = self.body.patch_embed.dynamic_feat_size((image.shape[-2], image.shape[-1]))
        return height, width

    def block(self, number: int, tokens: Tensor, context: Any, mask: Tensor | None = None) -> Tensor:
        block = partial(self.body.blocks[number], attn_mask=mask)
        if context is not None:
            rotations = context[number] if self.body.rope_mixed else context
            own = self.prefix + rotations.shape[-2]
            block = partial(block, rope=_with_still(rotations, tokens.shape[1] - own))
        return checkpoint(block, tokens, use_reentrant=False) if self.body.grad_checkpointing else block(tokens)

    def norm(self, tokens: Tensor) -> Tensor:
        if not self.keeps_norm:
            raise segzoo.NegotiationError(
                "this encoder was built without its last norm, for decoders that take maps: give its name instead"
            )
        return self.body.fc_norm(self.body.norm(tokens))  # an architecture has the one or the other


def _with_still(rotations: Tensor, extra: int) -> Tensor:
    """Rotations (..., N, 2 * D), sines then cosines, behind as many that leave a token as it is."""
    still = torch.zeros_like(rotations[..., :1, :])
    still[..., still.shape[-1] // 2 :] = 1.0
    return torch.cat([still.expand(*still.shape[:-2], extra, -1), rotations], dim=-2)
