"""Losses of other libraries as terms."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature

import torch
from torch import Tensor, nn

from segzoo.labels import IGNORE


class Foreign(nn.Module):
    """A loss that doesn't know of ignored pixels, as a term: they get no gradient, and 0 comes out where all are.

    An ignored pixel counts as one that is predicted right. Where the loss takes a `mask`, as MONAI's `MaskedDiceLoss`
    does, it is told which pixels count, and then they don't count at all.

    >>> from monai.losses import DiceLoss  # doctest: +SKIP
    >>> Loss({"ce": 1, Foreign(DiceLoss(to_onehot_y=True, softmax=True)): 0.5})  # doctest: +SKIP

    A loss that is told of them by itself, such as SMP's with `ignore_index=segzoo.IGNORE`, is a term as it is.

    :param loss: takes logits (B, K, H, W) and a target, and gives a scalar.
    :param channel: whether its target has a channel, (B, 1, H, W), as MONAI's have, or none, (B, H, W).
    """

    def __init__(self, loss: Callable[..., Tensor], channel: bool = True) -> None:
        super().__init__()
        self.loss = loss
        self.channel = channel
        self.masked = "mask" in signature(loss.forward if isinstance(loss, nn.Module) else loss).parameters
        self.__name__ = getattr(loss, "__name__", None) or type(loss).__name__

    def forward(self, logits: Tensor, target: Tensor, *, ignore_index: int = IGNORE) -> Tensor:
        kept = target[:, None] != ignore_index
        predicted = (logits > 0).long() if logits.shape[1] == 1 else logits.argmax(1, keepdim=True)
        logits = torch.where(kept, logits, logits.detach())
        filled = torch.where(kept, target[:, None], predicted)
        mask = {"mask": kept.to(logits)} if self.masked else {}
        return self.loss(logits, filled if self.channel else filled[:, 0], **mask) * kept.any()
