"""K-Net's decode head of mmsegmentation's kept fork, as its published configurations have it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from torch import nn

FCN = {"type": "FCNHead", "in_index": 3, "num_convs": 2, "concat_input": True}
UPER = {"type": "UPerHead", "in_index": [0, 1, 2, 3], "pool_scales": (1, 2, 3, 6)}
WIDTH, HIDDEN, STEPS = 512, 64, 3


def knet_head(mmseg: ModuleType, inner: Mapping[str, Any], channels: Sequence[int], classes: int) -> nn.Module:
    """Around an inner head, of which it makes the kernels.

    :param channels: of the backbone's four maps.
    """
    index = inner["in_index"]
    generate = {
        **inner,
        "in_channels": channels[index] if isinstance(index, int) else list(channels),
        "channels": WIDTH,
        "num_classes": classes,
        "dropout_ratio": 0.0,
        "norm_cfg": {"type": "BN"},
        "align_corners": False,
    }
    return mmseg.IterativeDecodeHead(STEPS, generate, [_update(classes) for _ in range(STEPS)])


def _update(classes: int) -> dict[str, Any]:
    return {
        "type": "KernelUpdateHead",
        "num_classes": classes,
        "num_ffn_fcs": 2,
        "num_heads": 8,
        "num_mask_fcs": 1,
        "feedforward_channels": HIDDEN,
        "in_channels": WIDTH,
        "out_channels": WIDTH,
        "conv_kernel_size": 1,
        "feat_transform_cfg": {"conv_cfg": {"type": "Conv2d"}, "act_cfg": None},
        "kernel_updator_cfg": {"type": "mmseg.KernelUpdator", "in_channels": 256, "feat_channels": 256},
    }
