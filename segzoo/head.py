"""The head: from what a decoder emits to logits at the image's size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from segzoo.decoder import Decoder
from segzoo.errors import OptionError
from segzoo.nn.conv import ConvNormAct
from segzoo.nn.resize import resize

Logits = Tensor | dict[str, Tensor]


@dataclass(frozen=True)
class Classes:
    """How many classes each head has; `named` is False for the one head whose logits are a tensor."""

    heads: Mapping[str, int]
    named: bool

    @classmethod
    def of(cls, classes: int | None, heads: Mapping[str, int] | None) -> Classes:
        """From the arguments of `create_model`.

        :raises OptionError: unless exactly one is given, with counts from 1 on and names that an attribute can have.
        """
        if (classes is None) == (heads is None):
            raise OptionError(
                f"give either classes=N or heads={{name: N, ...}}, got classes={classes!r}, heads={heads!r}"
            )
        if heads is not None and (not isinstance(heads, Mapping) or not heads):
            raise OptionError(
                f"heads is a dict of names and class counts, such as {{'mask': 19, 'edge': 1}}, got {heads!r}"
            )
        counts = dict(heads) if heads is not None else {"logits": classes}
        for name, count in counts.items():
            if not isinstance(count, int) or isinstance(count, bool) or count < 1:
                raise OptionError(f"a head needs 1 class or more, got {count!r}" + (f" for {name!r}" if heads else ""))
            if not isinstance(name, str) or not name.isidentifier() or hasattr(nn.ModuleDict(), name):
                raise OptionError(f"a head's name is letters, digits and _, and no attribute of a module, got {name!r}")
        return cls({name: int(count or 0) for name, count in counts.items()}, named=heads is not None)

    @property
    def total(self) -> int:
        """Of all heads together."""
        return sum(self.heads.values())


class Classifier(nn.Sequential):
    """Dropout of whole channels, then a convolution to the classes: (B, C, h, w) to (B, classes, h, w)."""

    def __init__(self, in_channels: int, classes: int, kernel: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = nn.Dropout2d(dropout)
        self.conv = nn.Conv2d(in_channels, classes, kernel, padding=kernel // 2)


class Head(nn.Module):
    """Base of heads: what a decoder emits, to logits (B, classes, H, W), or a dict of them where heads are named."""

    def __init__(self, classes: Classes, align_corners: bool = False) -> None:
        super().__init__()
        self.classes = classes
        self.align_corners = align_corners

    def resize(self, logits: Tensor, size: Sequence[int]) -> Tensor:
        return resize(logits, size, align_corners=self.align_corners)

    def forward(self, decoded: Tensor | Sequence[Tensor], size: Sequence[int]) -> Logits:
        raise NotImplementedError

    def name(self, logits: Sequence[Tensor]) -> Logits:
        """One tensor per head: the tensor itself where heads have no names."""
        return dict(zip(self.classes.heads, logits, strict=True)) if self.classes.named else logits[0]


class FeatureHead(Head):
    """Classifies a dense feature map: one classifier per head."""

    def __init__(
        self, classes: Classes, in_channels: int, kernel: int = 1, dropout: float = 0.0, align_corners: bool = False
    ) -> None:
        super().__init__(classes, align_corners)
        self.classifiers = nn.ModuleDict(
            {name: Classifier(in_channels, count, kernel, dropout) for name, count in classes.heads.items()}
        )

    def forward(self, decoded: Tensor | Sequence[Tensor], size: Sequence[int]) -> Logits:
        assert isinstance(decoded, Tensor)
        return self.name([self.resize(classify(decoded), size) for classify in self.classifiers.values()])


class AuxiliaryHead(FeatureHead):
    """An FCN head (arXiv:1411.4038) on one stage, for a second loss while training (PSPNet, arXiv:1612.01105)."""

    def __init__(self, classes: Classes, in_channels: int, width: int = 256, dropout: float = 0.1) -> None:
        super().__init__(classes, width, dropout=dropout)
        self.block = ConvNormAct(in_channels, width)

    def forward(self, decoded: Tensor | Sequence[Tensor], size: Sequence[int]) -> Logits:
        return super().forward(self.block(decoded), size)


class LogitsHead(Head):
    """For a decoder that classifies by itself: its channels are the classes of all heads in turn."""

    def forward(self, decoded: Tensor | Sequence[Tensor], size: Sequence[int]) -> Logits:
        assert isinstance(decoded, Tensor)
        return self.name(self.resize(decoded, size).split(list(self.classes.heads.values()), dim=1))


class QueryHead(Head):
    """For a decoder that predicts masks and their classes (mask classification, arXiv:2107.06278, section 3.4).

    A pixel's score for a class is the sum over queries of the class's probability times the mask's; its logarithm is
    returned, so that a softmax gives the scores back, normalised. That of a single class is what a sigmoid gives back.
    """

    def forward(self, decoded: Tensor | Sequence[Tensor], size: Sequence[int]) -> Logits:
        mask_logits, class_logits = decoded[:2]
        masks = self.resize(mask_logits, size).sigmoid()
        classes = class_logits.softmax(dim=-1)[..., :-1]
        scores = torch.einsum("bqc,bqhw->bchw", classes, masks)
        exact = torch.finfo(scores.dtype)
        logits = scores.logit(eps=exact.eps) if self.classes.total == 1 else scores.clamp_min(exact.tiny).log()
        return self.name(logits.split(list(self.classes.heads.values()), dim=1))


def coarser_heads(decoder: Decoder, classes: Classes) -> list[Head]:
    """Heads as that of the output, on the coarser maps of a decoder that is supervised at several scales."""
    return [_head_of(decoder, classes, channels) for channels in decoder.coarser_channels]


def head_of(decoder: Decoder, classes: Classes) -> Head:
    """The head that fits what a decoder emits."""
    return _head_of(decoder, classes, decoder.out_channels)


def _head_of(decoder: Decoder, classes: Classes, channels: int) -> Head:
    if decoder.emits == "logits":
        return LogitsHead(classes, decoder.head_align_corners)
    if decoder.emits == "queries":
        return QueryHead(classes, decoder.head_align_corners)
    return FeatureHead(classes, channels, decoder.head_kernel, decoder.head_dropout, decoder.head_align_corners)
