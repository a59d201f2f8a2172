"""What is traced: the model with what was asked for around it, pictures in and classes out.

B     batch
C     channels of the picture
K     classes of a head
H, W  size of the picture
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from segzoo.model import SegmentationModel
from segzoo.runtime.manifest import Manifest

BYTE = 256


class Deployed(nn.Module):
    """A model whose inputs and outputs are those that its manifest declares.

    :param model: a copy, in eval mode, with parameters of float32 or float16. Its activations no longer compute in
        place: of one on a view, such as a map that was cut, a trace makes a scatter into the whole.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, model: SegmentationModel, manifest: Manifest) -> None:
        super().__init__()
        activation: Any
        for activation in model.modules():
            if hasattr(activation, "inplace"):
                activation.inplace = False
        self.model = model
        self.manifest = manifest
        preprocessing = manifest.preprocessing
        largest = BYTE - 1 if preprocessing.scaled else 1
        self.register_buffer("mean", torch.tensor(preprocessing.mean)[:, None, None] * largest)
        self.register_buffer("scale", 1 / (torch.tensor(preprocessing.std)[:, None, None] * largest))
        self.dtype = next(model.parameters()).dtype

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """(B, C, H, W), or pictures (B, H, W, C), to (B, K, H, W), or classes (B, H, W), of each head."""
        if self.manifest.normalises:
            image = (image.permute(0, 3, 1, 2).float() - self.mean) * self.scale
        logits = self.model(image.to(self.dtype))
        maps = [each.float() for each in (logits.values() if isinstance(logits, dict) else [logits])]
        return tuple(_classes(each) for each in maps) if self.manifest.classifies else tuple(maps)

    def example(self, batch: int, size: tuple[int, int]) -> Tensor:
        """An input of a size: random, the same each time."""
        height, width = size
        channels = len(self.manifest.preprocessing.mean)
        chance = torch.Generator().manual_seed(height * width + batch)
        if not self.manifest.normalises:
            return torch.randn(batch, channels, height, width, generator=chance)
        pictures = torch.randint(0, BYTE, (batch, height, width, channels), generator=chance, dtype=torch.uint8)
        if self.manifest.preprocessing.scaled:
            return pictures
        return (pictures / BYTE - 0.5) / self.scale.view(-1) + self.mean.view(-1)


def _classes(logits: Tensor) -> Tensor:
    if logits.shape[1] == 1:
        return (logits[:, 0] > 0).to(torch.uint8)
    return logits.argmax(dim=1).to(torch.uint8 if logits.shape[1] <= BYTE else torch.int32)
