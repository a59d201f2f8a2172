"""Choosing stages: the deepest map, dilated where the encoder can, and for some decoders a finer one."""

from __future__ import annotations

import segzoo
from segzoo.options import OutputStride


def select_deepest(who: str, offer: segzoo.FeatureSpec, output_stride: OutputStride) -> segzoo.Selection:
    """The deepest map alone, with a wish for dilation.

    :param who: the decoder's name, for messages.
    :raises NegotiationError: when the encoder offers the image alone.
    """
    deepest = offer.native[-1]
    if deepest == 0:
        raise segzoo.NegotiationError(f"{who} needs a coarse map, and the encoder offers none: {offer}")
    return segzoo.Selection(stages=(deepest,), output_stride=output_stride)


def select_low_and_deepest(
    who: str, offer: segzoo.FeatureSpec, low_stride: int, output_stride: OutputStride
) -> segzoo.Selection:
    """The deepest map, and of the others the coarsest up to `low_stride`, or else the finest.

    Where all are coarser, a pyramid is wished for, which an encoder of one resolution then gets. Where the low-level
    map is of another stride than the paper's, a note says so.

    :raises NegotiationError: when the encoder offers fewer than two maps.
    """
    selected = select_deepest(who, offer, output_stride)
    (deepest,) = selected.stages
    others = [stage for stage in offer.native if 0 < stage < deepest]
    if not others:
        raise segzoo.NegotiationError(
            f"{who} needs two maps, the deepest and one of stride {low_stride} or near it, and the encoder offers one, "
            f"of stride {offer.strides[deepest]}; give it another depth"
        )
    fine_enough = [stage for stage in others if offer.strides[stage] <= low_stride]
    low = max(fine_enough, key=offer.strides.__getitem__) if fine_enough else others[0]
    stride = offer.strides[low]
    return segzoo.Selection(
        stages=(low, deepest),
        output_stride=selected.output_stride,
        pyramid=not fine_enough,
        roles=("low-level", "high-level"),
        notes=() if stride == low_stride else (f"low-level features at stride {stride}: none at {low_stride}",),
    )
