"""The dynamic prototype guided head, arXiv:2405.06228, section 3.4.

B     batch
D     channels of the map
K     classes, and so prototypes
H, W  size of the map
"""

from __future__ import annotations

from timm.layers import LayerNorm2d
from torch import Tensor, nn

from segzoo.nn import ConvNormAct, average_over_regions


class PrototypeGuidedHead(nn.Module):
    """Classify; describe each class by its pixels; let these prototypes weigh the channels; classify again.

    :param dropout: of whole channels, before the classifier, which both times is the same.
    """

    def __init__(self, width: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.mix = ConvNormAct(width, width, kernel=1, groups=width)
        self.attend = nn.Conv2d(width, 1, 1)
        last = nn.Conv2d(width, width, 1)
        nn.init.zeros_(last.weight)  # every channel starts with the same weight
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]
        self.weigh = nn.Sequential(nn.Conv2d(width, width, 1), LayerNorm2d(width), nn.ReLU(inplace=True), last)
        self.dropout = nn.Dropout2d(dropout)
        self.classifier = nn.Conv2d(width, classes, 1)

    def forward(self, features: Tensor) -> Tensor:
        """(B, D, H, W) to (B, K, H, W)."""
        coarse = self.classifier(self.dropout(self.mix(features)))
        prototypes = average_over_regions(features, coarse)  # (B, D, K, 1)
        attention = self.attend(prototypes).softmax(dim=2)  # over the classes
        weight = self.weigh((prototypes * attention).sum(dim=2, keepdim=True)).sigmoid()  # (B, D, 1, 1)
        return self.classifier(self.dropout(features + features * weight))
