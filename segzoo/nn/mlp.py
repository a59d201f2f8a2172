"""Linear layers with activations between."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from segzoo.nn.conv import Layer, make_act


class MLP(nn.Sequential):
    """Linear layers, an activation between each two: (..., in) to (..., out).

    :param hidden: the width between the layers.
    :param layers: how many.
    :param act: a name, a class or None.
    """

    def __init__(self, in_channels: int, hidden: int, out_channels: int, layers: int = 3, act: Layer = "relu") -> None:
        widths = [in_channels, *[hidden] * (layers - 1), out_channels]

        def modules() -> Iterator[nn.Module]:
            for number in range(layers):
                if number > 0:
                    yield make_act(act)
                yield nn.Linear(widths[number], widths[number + 1])

        super().__init__(*modules())
