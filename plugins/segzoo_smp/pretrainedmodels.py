"""The encoders that SMP has of the library pretrainedmodels: SENet, dual path networks, Inception, Xception."""

from __future__ import annotations

from collections.abc import Mapping

from segzoo_smp.recipe import Recipe, Stages

SENET: Stages = (("layer0",), ("pool0", "layer1"), ("layer2",), ("layer3",), ("layer4",))
XCEPTION: Stages = (
    ("conv1", "bn1", "act1", "conv2", "bn2", "act2"),
    ("block1",),
    ("block2",),
    tuple(f"block{number}" for number in range(3, 12)),
    ("block12", "conv3", "bn3", "act3", "conv4", "bn4"),
)
INCEPTION_RESNET: Stages = (
    ("conv2d_1a", "conv2d_2a", "conv2d_2b"),
    ("maxpool_3a", "conv2d_3b", "conv2d_4a"),
    ("maxpool_5a", "mixed_5b", "repeat"),
    ("mixed_6a", "repeat_1"),
    ("mixed_7a", "repeat_2", "block8", "conv2d_7b"),
)
INCEPTION: Stages = tuple(
    tuple(f"features.{number}" for number in range(*ends)) for ends in ((0, 3), (3, 5), (5, 9), (9, 15), (15, 22))
)


def _dual_path(*blocks: int) -> Stages:
    """Of a dual path network.

    :param blocks: how many each of the four stages has.
    """
    stages = [
        tuple(f"features.conv{stage}_{block}" for block in range(1, count + 1))
        for stage, count in enumerate(blocks, start=2)
    ]
    return (
        ("features.conv1_1",),
        ("features.conv1_pool", *stages[0]),
        *stages[1:-1],
        (*stages[-1], "features.conv5_bn_ac"),
    )


DUAL_PATH: Mapping[str, Stages] = {
    "dpn68": _dual_path(3, 4, 12, 3),
    "dpn68b": _dual_path(3, 4, 12, 3),
    "dpn92": _dual_path(3, 4, 20, 3),
    "dpn98": _dual_path(3, 6, 20, 3),
    "dpn107": _dual_path(4, 8, 20, 3),
    "dpn131": _dual_path(4, 8, 28, 3),
}
PRETRAINEDMODELS: Mapping[str, Recipe] = {
    "senet154": Recipe("legacy_senet154", SENET),
    **{
        f"se_{name}": Recipe(f"legacy_se{name}", SENET)
        for name in ("resnet50", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x4d")
    },
    **{name: Recipe(name, stages, {"fc_act_layer": "relu"}, activated=(2, 3, 4)) for name, stages in DUAL_PATH.items()},
    "inceptionresnetv2": Recipe("inception_resnet_v2", INCEPTION_RESNET, dilates=False, pads=True),
    "inceptionv4": Recipe("inception_v4", INCEPTION, dilates=False, pads=True),
    "xception": Recipe("legacy_xception", XCEPTION, dilates=False, pads=True),
}
"""By SMP's names."""
