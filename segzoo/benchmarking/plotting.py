"""A picture of what was measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path

from segzoo.benchmarking.results import Benchmark
from segzoo.errors import OptionError
from segzoo.pictures import GROUND, Point, dark_figure, draw_front, save, title

MARKERS = "os^Dvp"
"""Of runtimes, of which there are no more."""


def read_scores(path: str | PathLike[str]) -> dict[str, float]:
    """The mIoU of each pair that `segzoo compare` trained.

    :param path: its output, or the file `comparison.json` in there.
    :raises OptionError: for anything else.
    """
    file = Path(path, "comparison.json") if Path(path).is_dir() else Path(path)
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))["rows"]
        return {row["pair"]: row["miou"] for row in rows if row["miou"] is not None}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OptionError(
            f"{file} isn't what segzoo compare leaves ({type(error).__name__}: {error}); expected its folder, or "
            "comparison.json in there"
        ) from error


def save_plot(benchmark: Benchmark, path: str | PathLike[str], scores: Mapping[str, float] | None = None) -> None:
    """Draw latency against mIoU where scores are given, else against parameters, with the Pareto front.

    :param scores: of pairs; those without one are left out.
    :raises OptionError: when nothing was measured that could be drawn, or the file can't be written.
    :raises MissingExtraError: without Matplotlib.
    """
    runtimes = dict.fromkeys(row.runtime for row in benchmark.rows)
    markers = dict(zip(runtimes, MARKERS, strict=False))
    points = [
        Point(
            row.pair,
            row.cost.milliseconds,
            row.cost.parameters / 1e6 if scores is None else scores[row.pair],
            markers[row.runtime],
        )
        for row in benchmark.rows
        if row.cost is not None and (scores is None or row.pair in scores)
    ]
    if not points:
        raise OptionError(f"nothing was measured that could be drawn in {path}")
    figure = dark_figure(10, 7)
    axes = figure.add_axes((0.08, 0.1, 0.88, 0.8), facecolor=GROUND)
    label = "parameters, M" if scores is None else "mIoU"
    draw_front(axes, points, "milliseconds for a forward", label, most=scores is not None, markers=markers)
    title(figure, f"{benchmark.conditions}: green on the Pareto front")
    save(figure, Path(path))
