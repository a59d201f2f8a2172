"""Batch norm that trains on a single value per channel."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class BatchNorm2d(nn.BatchNorm2d):
    """torch's, which raises in train mode for one image whose map is a single pixel: there is no variance to divide by.

    Such a map is normalised by the running statistics, and leaves them as they are.
    """

    def forward(self, features: Tensor) -> Tensor:
        if self.training and features.numel() == self.num_features:
            return F.batch_norm(features, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return super().forward(features)
