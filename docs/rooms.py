"""Draws the rooms of segzoo into images/ beside this file, as architecture.md shows them: `python docs/rooms.py`.

Which room stands on which is read from the contract in pyproject.toml that `lint-imports` holds the code against, and
what a room is for from the first sentence of its docstring.
"""

import ast
import re
import textwrap
from collections.abc import Iterator
from html import escape
from pathlib import Path

from importlinter.api import read_configuration

ROOT = Path(__file__).parent.parent
FILE = Path(__file__).with_name("images") / "rooms.svg"
WIDTH, MARGIN, GAP, LINE, PAD = 1000, 16, 10, 14, 10  # pixels
LETTERS = 6.1  # pixels a letter of the small text takes


def layers() -> list[list[str]]:
    """The rooms, from the top down, side by side where neither imports the other."""
    (contract,) = (
        each for each in read_configuration(str(ROOT / "pyproject.toml"))["contracts_options"] if "layers" in each
    )
    rows = contract["layers"]
    return [[room.strip() for room in row.split("|")] for row in rows]


def purpose(room: str) -> str:
    """The first sentence of a room's docstring."""
    folder = ROOT / "segzoo" / room
    file = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    said = ast.get_docstring(ast.parse(file.read_text())) or ""
    return re.split(r"\.\s|\n\n|\.$", said)[0].replace("\n", " ").replace("`", "")


def picture() -> str:
    """The rooms as an SVG file."""
    shapes, top = [], MARGIN
    for row in layers():
        width = (WIDTH - 2 * MARGIN - GAP * (len(row) - 1)) / len(row)
        texts = {room: textwrap.wrap(purpose(room), int((width - 2 * PAD) / LETTERS)) for room in row}
        height = 2 * PAD + 18 + LINE * max(map(len, texts.values()))
        for number, (room, lines) in enumerate(texts.items()):
            shapes += _box(MARGIN + number * (width + GAP), top, width, height, room, lines)
        top += height + GAP
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}" viewBox="0 0 {WIDTH} {top}" '
            'font-family="sans-serif" font-size="11">',
            f'<rect width="{WIDTH}" height="{top}" fill="white"/>',
            *shapes,
            "</svg>\n",
        ]
    )


def _box(x: float, y: int, width: float, height: int, room: str, lines: list[str]) -> Iterator[str]:
    is_folder = (ROOT / "segzoo" / room).is_dir()
    fill = "#deebf7" if is_folder else "#f7f7f7"
    yield f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{height}" rx="4" fill="{fill}" stroke="#777"/>'
    label = f"{room}/" if is_folder else f"{room}.py"
    yield f'<text x="{x + PAD:.1f}" y="{y + PAD + 11}" font-size="13" font-weight="bold">{label}</text>'
    for number, line in enumerate(lines):
        yield f'<text x="{x + PAD:.1f}" y="{y + PAD + 28 + LINE * number}">{escape(line)}</text>'


if __name__ == "__main__":
    FILE.write_text(picture())
