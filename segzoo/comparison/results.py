"""What a comparison found: a row for each pair."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from segzoo import __version__
from segzoo.evaluation.cost import Cost
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
    front: list[Row] = []
    known = [row for row in rows if row.cost is not None and row.miou is not None]
    for row in sorted(known, key=lambda row: (cost(row.cost), -row.miou)):  # type: ignore[arg-type, operator]
        if not front or row.miou > front[-1].miou:  # type: ignore[operator]
            front.append(row)
    return front


def draw(path: Path, rows: Sequence[Row]) -> None:
    """Draw mIoU against time, memory and parameters, with the Pareto fronts."""
    from segzoo.pictures import GROUND, INK, dark_figure, save, title

    axes_of: list[tuple[str, Callable[[Cost], float]]] = [
        ("milliseconds for an image", lambda cost: cost.milliseconds),
        ("memory, MiB", lambda cost: cost.memory),
        ("parameters, M", lambda cost: cost.parameters / 1e6),
    ]
    figure = dark_figure(15, 5)
    for number, (name, cost) in enumerate(axes_of):
        axes = figure.add_axes((0.05 + 0.32 * number, 0.14, 0.26, 0.72), facecolor=GROUND)
        front = pareto_front(rows, cost)
        axes.plot(
            [cost(row.cost) for row in front if row.cost], [row.miou for row in front if row.miou is not None],
            color="#5fc26a", linewidth=1, linestyle="--",
        )  # fmt: skip
        for row in rows:
            assert row.cost is not None  # the caller chose them so
            assert row.miou is not None
            on_front, complete = row in front, row.state == "complete"
            axes.scatter(
                cost(row.cost), row.miou, color="#5fc26a" if on_front else "#4e9bd6",
                marker="o" if complete else "x", s=36,
            )  # fmt: skip
            axes.annotate(
                row.pair, (cost(row.cost), row.miou), color=INK, fontsize=7, xytext=(4, 4), textcoords="offset points"
            )
        axes.set_xlabel(name, color=INK)
        axes.set_ylabel("mIoU", color=INK)
        axes.margins(0.25, 0.12)
        axes.tick_params(colors=INK)
        for spine in axes.spines.values():
            spine.set_color(INK)
    title(figure, "Pairs by what they reach and what they cost: green on the Pareto front, crosses stopped early")
    save(figure, path)
