"""What a comparison found: a row for each pair."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from segzoo import __version__, pictures
from segzoo.benchmarking.cost import Cost
from segzoo.files import write_whole

State = Literal["complete", "stopped", "failed", "waiting"]
FILE = "comparison.json"


@dataclass(frozen=True)
class Row:
    """What became of one pair.

    :param state: `"complete"`; `"stopped"` early, since others did better; `"failed"`, for the reason given; or
        `"waiting"`, when it hasn't come to its end.
    :param miou: of its last validation; None where there was none.
    :param validations: that it had.
    :param cost: None where it couldn't be measured.
    """

    pair: str
    state: State
    miou: float | None = None
    validations: int = 0
    cost: Cost | None = None
    reason: str = ""


@dataclass(frozen=True)
class Comparison:
    """All pairs, the best first.

    :param winner: the folder of the best pair's model; None where no pair came to its end.
    """

    rows: tuple[Row, ...]
    winner: Path | None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "segzoo": __version__,
            "rows": [asdict(row) for row in self.rows],
            "winner": None if self.winner is None else str(self.winner),
        }

    def save(self, folder: Path) -> None:
        """Write `comparison.json`, and `comparison.png` if there is something to draw."""
        write_whole(folder / FILE, json.dumps(self.to_dict(), indent=2) + "\n")
        rows = [row for row in self.rows if row.miou is not None and row.cost is not None]
        if rows:
            draw(folder / "comparison.png", rows)


def ranked(rows: Sequence[Row]) -> list[Row]:
    """Those that were trained to the end first, by mIoU; then those that were stopped, then those that failed."""
    order = ("complete", "stopped", "waiting", "failed")
    return sorted(rows, key=lambda row: (order.index(row.state), -(row.miou or 0), row.pair))


def pareto_front(rows: Sequence[Row], cost: Callable[[Cost], float]) -> list[Row]:
    """The rows than which no other is both as cheap and better, or cheaper and as good; cheapest first."""
    by_name = {row.pair: row for row in rows}
    return [by_name[point.name] for point in pictures.pareto_front(_points(rows, cost))]


def draw(path: Path, rows: Sequence[Row]) -> None:
    """Draw mIoU against time, memory and parameters, with the Pareto fronts."""
    axes_of: list[tuple[str, Callable[[Cost], float]]] = [
        ("milliseconds for an image", lambda cost: cost.milliseconds),
        ("memory, MiB", lambda cost: cost.total_memory),
        ("parameters, M", lambda cost: cost.parameters / 1e6),
    ]
    figure = pictures.dark_figure(15, 5)
    for number, (name, cost) in enumerate(axes_of):
        axes = figure.add_axes((0.05 + 0.32 * number, 0.14, 0.26, 0.72), facecolor=pictures.GROUND)
        pictures.draw_front(axes, _points(rows, cost), name, "mIoU")
    pictures.title(
        figure, "Pairs by what they reach and what they cost: green on the Pareto front, crosses stopped early"
    )
    pictures.save(figure, path)


def _points(rows: Sequence[Row], cost: Callable[[Cost], float]) -> list[pictures.Point]:
    """Of those rows whose cost and mIoU are known."""
    return [
        pictures.Point(row.pair, cost(row.cost), row.miou, "o" if row.state == "complete" else "x")
        for row in rows
        if row.cost is not None and row.miou is not None
    ]
