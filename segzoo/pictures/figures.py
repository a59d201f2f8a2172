"""Figures on a dark ground."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from segzoo.errors import MissingExtraError
from segzoo.files import replacing
from segzoo.labels import Colour
from segzoo.pictures.colours import Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GROUND = "#14161c"
INK = "#e8e8ea"
CELL = 1.35
"""A small picture's side, in inches."""
LINE = 0.25
"""A line of a legend, in inches."""
NAMED = 40
"""Classes that a legend has room for."""


def dark_figure(width: float, height: float) -> Figure:
    """A figure of that many inches. No pyplot: neither a display nor global state.

    :raises MissingExtraError: without Matplotlib.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(f'pictures need Matplotlib ({error}): pip install "segzoo-torch[train]"') from error

    return Figure(figsize=(width, height), dpi=150, facecolor=GROUND)


def title(figure: Figure, text: str) -> None:
    """Along the top."""
    figure.text(0.5, 1 - 0.26 / figure.get_figheight(), text, ha="center", va="center", color=INK, fontsize=14)


def legend(figure: Figure, names: Sequence[str], colours: Sequence[Colour]) -> None:
    """The classes and their colours, along the bottom; none where they are too many to read."""
    from matplotlib.patches import Patch

    if not legend_rows(figure.get_figwidth(), names):
        return
    patches = [
        Patch(facecolor=(red / 255, green / 255, blue / 255), edgecolor=INK, linewidth=0.5)
        for red, green, blue in colours
    ]
    figure.legend(
        patches, names, loc="lower center", ncols=_columns(figure.get_figwidth(), names), frameon=False,
        labelcolor=INK, fontsize=11, handlelength=1.0, handleheight=1.0, handletextpad=0.5, columnspacing=1.2,
    )  # fmt: skip


def legend_rows(width: float, names: Sequence[str]) -> int:
    """How many lines the legend takes in a figure of so many inches; 0 where the classes are too many to read."""
    return -(-len(names) // _columns(width, names)) if 0 < len(names) <= NAMED else 0


def _columns(width: float, names: Sequence[str]) -> int:
    return min(len(names), max(1, int(width / (0.5 + 0.09 * max(map(len, names))))))


def draw_rows(
    path: Path,
    text: str,
    rows: Sequence[tuple[str, Sequence[Picture]]],
    names: Sequence[str],
    colours: Sequence[Colour],
    *,
    captions: Sequence[str] = (),
    cell: float = CELL,
) -> None:
    """Draw a file of small pictures: a labelled row of each kind, a column for each image.

    :param text: the figure's title.
    :param rows: each row's label, and its pictures.
    :param captions: of the columns.
    :param cell: a picture's width, in inches.
    """
    count = max(1, *(len(pictures) for _, pictures in rows))
    width = max(2.1 + cell * count, 5.0)
    first = rows[0][1]
    ratio = max((min(2.0, each.shape[0] / each.shape[1]) for each in first), default=1.0)
    bottom = 0.35 + LINE * legend_rows(width, names)
    top = 0.8 if captions else 0.5
    figure = dark_figure(width, top + bottom + cell * ratio * len(rows))
    grid = figure.subplots(
        len(rows), count, squeeze=False,
        gridspec_kw={"left": 2.0 / figure.get_figwidth(), "right": 1 - 0.1 / figure.get_figwidth(),
                     "top": 1 - top / figure.get_figheight(), "bottom": bottom / figure.get_figheight(),
                     "wspace": 0.05, "hspace": 0.05},
    )  # fmt: skip
    for axes in grid.flat:
        axes.axis("off")
    for axes_row, (label, pictures) in zip(grid, rows, strict=True):
        for axes, picture in zip(axes_row, pictures, strict=False):
            axes.imshow(picture, interpolation="nearest")
        axes_row[0].text(
            -0.08, 0.5, label, transform=axes_row[0].transAxes, ha="right", va="center", color=INK, linespacing=1.5
        )
    for axes, caption in zip(grid[0], captions, strict=False):
        axes.set_title(caption, color=INK, fontsize=7)
    title(figure, text)
    legend(figure, names, colours)
    save(figure, path)


def save(figure: Figure, path: Path) -> None:
    """Write the figure as a PNG file, whole.

    :raises OptionError: when it can't be written.
    """
    with replacing(path) as unfinished:
        figure.savefig(unfinished, format="png")
