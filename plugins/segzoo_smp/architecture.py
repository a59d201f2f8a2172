"""One of SMP's architectures: its arguments as options of segzoo's decoder, and its weights' names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import segzoo
from segzoo_smp.recipe import DEPTH

Arguments = Mapping[str, Any]

HEAD: segzoo.Table = {"segmentation_head.0": "head.classifiers.logits.conv"}
CONV: segzoo.Table = {"0": "conv", "1": "norm"}
"""Of a convolution with its norm."""
SQUEEZE_EXCITE: segzoo.Table = {"cSE.1": "channel.squeeze", "cSE.3": "channel.excite", "sSE.0": "pixel"}
UP_STEP: segzoo.Table = {
    **segzoo.under("conv1", "join", CONV),
    **segzoo.under("conv2", "refine", CONV),
    **segzoo.under("attention1.attention", "recalibrate_joined", SQUEEZE_EXCITE),
    **segzoo.under("attention2.attention", "recalibrate", SQUEEZE_EXCITE),
}
"""Of the steps of U-Net and its descendants."""


class Architecture:
    """One of them.

    :cvar decoder: segzoo's name of the decoder.
    :cvar defaults: the constructor's arguments besides those that all have.
    :cvar first: the arguments that the constructor takes first, in SMP's order.
    :cvar depth: of the encoder, by default.
    :cvar depths: those that segzoo's encoders have.
    """

    decoder: str
    defaults: ClassVar[Arguments] = {}
    first = ("encoder_name", "encoder_depth", "encoder_weights")
    depth = 5
    depths = range(1, DEPTH + 1)

    def output_stride(self, given: Arguments) -> int:
        """To which the encoder is dilated; 32 for not at all."""
        return given.get("encoder_output_stride", 32)

    def encoder_depth(self, given: Arguments) -> int | None:
        """Segzoo's depth of the encoder, None for its own."""
        return given["encoder_depth"]

    def options(self, given: Arguments) -> dict[str, Any]:
        """The decoder's.

        :raises CheckpointError: for an argument that segzoo's decoder has no option for.
        """
        raise NotImplementedError

    def check(self, given: Arguments, plan: segzoo.Plan) -> None:
        """Refuse what shows only once the encoder's maps are known.

        :raises CheckpointError: when segzoo's decoder takes other maps than SMP's.
        """
        strides = tuple(min(2**stage, self.output_stride(given)) for stage in range(given["encoder_depth"] + 1))
        if plan.encoder_spec.strides != strides:
            raise segzoo.CheckpointError(
                f"SMP's encoder {given['encoder_name']} can't be imported: its maps are those of strides {strides}, "
                f"and segzoo's encoder has {plan.encoder_spec.strides}"
            )

    def notes(self, plan: segzoo.Plan) -> tuple[str, ...]:
        """Where the logits differ from SMP's all the same."""
        return ()

    def names(self, given: Arguments, plan: segzoo.Plan) -> segzoo.Table:
        """SMP's names of the weights, and segzoo's; None for those that SMP holds and never computes with."""
        raise NotImplementedError

    def magnification(self, given: Arguments) -> int:
        """The `upsampling` with which SMP's logits have the image's size."""
        return 4


def only(given: Arguments, name: str, *supported: Any) -> Any:
    """The argument, if it is one of those that segzoo's decoder has too.

    :raises CheckpointError: when it isn't.
    """
    if given[name] not in supported:
        raise segzoo.CheckpointError(
            f"{name}={given[name]!r} can't be imported: segzoo's decoder has {' or '.join(map(repr, supported))}"
        )
    return given[name]


def interpolation(given: Arguments) -> str:
    """How the decoder's maps grow."""
    return str(only(given, "decoder_interpolation", "nearest", "bilinear", "bicubic"))


def norm(given: Arguments) -> str | None:
    """The name of the norm after each of the decoder's convolutions, None for none."""
    wanted = given["decoder_use_norm"]
    if isinstance(wanted, Mapping) and set(wanted) == {"type"}:
        wanted = wanted["type"]
    if wanted is True or wanted == "batchnorm":
        return "batchnorm2d"
    if wanted is False or wanted == "identity":
        return None
    raise segzoo.CheckpointError(
        f"decoder_use_norm={wanted!r} can't be imported: segzoo's decoder has batch norms as they are by default "
        "('batchnorm') or none ('identity')"
    )


def batch_norm(given: Arguments) -> None:
    """Refuse any other norm, for a decoder that has no choice."""
    if norm(given) is None:
        raise segzoo.CheckpointError(
            f"decoder_use_norm={given['decoder_use_norm']!r} can't be imported: segzoo's decoder has batch norms"
        )
