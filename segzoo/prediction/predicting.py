"""From an image of any size to its class map, in memory."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from segzoo.errors import InputError
from segzoo.prediction.engine import ModelEngine
from segzoo.prediction.sink import TensorSink
from segzoo.prediction.source import TensorSource
from segzoo.prediction.streaming import Output, stream
from segzoo.prediction.tiling import Tiling

ClassMap = Tensor | dict[str, Tensor]


def predict(
    model: nn.Module,
    image: Tensor,
    *,
    output: Output = "classes",
    tile: int = 1024,
    margin: int | None = None,
    blend: int | None = None,
    grid: int = 1,
    batch: int = 1,
    half: bool = False,
    flips: bool = False,
    scales: Sequence[float] = (1.0,),
) -> ClassMap:
    """Predict the class of each pixel.

    An image of at most `tile` pixels a side is one forward. A larger one is cut into overlapping tiles, whose logits
    fade into each other; what is held at a time is a tile's logits and a seam.

    :param model: image (B, C, H, W) to logits of its size, or a dict of them.
    :param image: normalised, (C, H, W) or (B, C, H, W); it may lie on another device than the model.
    :param output: "classes"; or "logits" or "probabilities", each class's, where a threshold, an ensemble or a
        regression needs them.
    :param tile: side of a tile in pixels; `margin`, `blend` and `grid` as `Tiling` has them.
    :param batch: how many tiles are computed at once.
    :param half: whether to compute in bfloat16.
    :param flips: whether each tile is looked at mirrored as well; `scales`: at which sizes.
    :returns: int64 class map (H, W) or (B, H, W), on the CPU. One class: 1 where its logit is above 0. Logits or
        probabilities are (K, H, W) or (B, K, H, W). With named heads a dict of them.
    :raises InputError: for an image that the model can't take.
    :raises OptionError: for a tile without room inside its margins, or another option that can't be.
    """
    tiling = Tiling(tile, margin, blend, grid)
    if not isinstance(image, Tensor) or image.ndim not in (3, 4):
        got = f"shape {tuple(image.shape)}" if isinstance(image, Tensor) else type(image).__name__
        raise InputError(
            f"expected a tensor (C, H, W) or (B, C, H, W), got {got}; model.preprocessing(picture) makes one"
        )
    if not image.numel():
        raise InputError(f"expected an image with pixels, got shape {tuple(image.shape)}")
    source = TensorSource(image if image.ndim == 4 else image[None])
    sink = TensorSink(source.size)
    engine = ModelEngine(model, half=half, flips=flips, scales=scales)
    stream([engine], source, sink, tiling, output=output, batch=batch)
    maps = sink.maps if image.ndim == 4 else {name: each[0] for name, each in sink.maps.items()}
    return maps[""] if set(maps) == {""} else maps
