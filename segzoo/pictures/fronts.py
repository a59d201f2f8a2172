"""Points by what they cost and what they are worth, and the Pareto front among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from segzoo.pictures.figures import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FRONT, BEHIND = "#5fc26a", "#4e9bd6"


class Point(NamedTuple):
    """Something to choose.

    :param cost: the less the better.
    :param value: the more the better, or the less, as is said of all points together.
    :param marker: Matplotlib's.
    """

    name: str
    cost: float
    value: float
    marker: str = "o"


def pareto_front(points: Sequence[Point], *, most: bool = True) -> list[Point]:
    """The points than which no other is both as cheap and better, or cheaper and as good; cheapest first.

    :param most: whether more value is better.
    """
    sign = 1 if most else -1
    front: list[Point] = []
    for point in sorted(points, key=lambda each: (each.cost, -sign * each.value)):
        if not front or sign * point.value > sign * front[-1].value:
            front.append(point)
    return front


def draw_front(
    axes: Axes,
    points: Sequence[Point],
    cost: str,
    value: str,
    *,
    most: bool = True,
    markers: Mapping[str, str] | None = None,
) -> None:
    """Draw points with their names, those of the front in green and joined.

    :param cost: label of the horizontal axis; `value` of the vertical one.
    :param markers: what markers mean, for a legend: the marker by its meaning.
    """
    front = pareto_front(points, most=most)
    axes.plot(
        [point.cost for point in front], [point.value for point in front], color=FRONT, linewidth=1, linestyle="--"
    )
    for point in points:
        where = point.cost, point.value
        axes.scatter(*where, color=FRONT if point in front else BEHIND, marker=point.marker, s=36)
        axes.annotate(point.name, where, color=INK, fontsize=7, xytext=(4, 4), textcoords="offset points")
    for meaning, marker in (markers or {}).items():
        axes.scatter([], [], color=BEHIND, marker=marker, s=36, label=meaning)
    if markers:
        axes.legend(frameon=False, labelcolor=INK)
    axes.set_xlabel(cost, color=INK)
    axes.set_ylabel(value, color=INK)
    axes.margins(0.25, 0.12)
    axes.tick_params(colors=INK)
    for spine in axes.spines.values():
        spine.set_color(INK)
