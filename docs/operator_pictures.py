"""Draws the forms of the operator into images/ beside this file, for operator.md: `python docs/operator_pictures.py`.

A map is a square, as large as it is; beneath it stand its channels.
"""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

FOLDER = Path(__file__).with_name("images")
WIDTH, TOP, ROW = 800, 46, 92  # pixels
NAME_AT, MAPS_AT, COST_AT = 16, (200, 400, 590), 722  # pixels from the left
SMALL, LARGE = 26, 52  # sides of a map before and after it is resized
GIVEN, BETWEEN, MADE = "#9ecae1", "#d9d9d9", "#a1d99b"

Step = tuple[str, int, str]
"""What is done, how large the map is that it makes, and how many channels that has."""
FORMS: Sequence[tuple[str, str, Step, Step, str]] = [
    ("plain", "any", ("resize", LARGE, "C"), ("k x k", LARGE, "D"), "k² C D HW"),
    ("small", "1x1", ("1x1", SMALL, "D"), ("resize", LARGE, "D"), "C D hw"),
    ("doubled", "3x3 after nearest x2", ("2x2", SMALL + 3, "4 D"), ("shuffle", LARGE, "D"), "4 C D HW"),
    ("taps", "small maps", ("1x1 per tap", SMALL, "k² D"), ("two matrices", LARGE, "D"), "k² C D hw"),
]
CELL = 34
PIXELS = ("#9ecae1", "#a1d99b", "#fdae6b")


def forms() -> str:
    """What each form does with one map."""
    shapes = [_text(x, 26, text, bold=True) for x, text in ((200, "given"), (590, "made"), (COST_AT, "multiply-adds"))]
    for number, (name, when, *steps, cost) in enumerate(FORMS):
        y = TOP + ROW * number + ROW // 2
        shapes += [_text(NAME_AT, y - 4, name, bold=True, anchor="start"), _text(NAME_AT, y + 13, when, anchor="start")]
        shapes += [_map(MAPS_AT[0], y, SMALL, "C", GIVEN), _text(COST_AT, y + 4, cost)]
        for place, (what, side, channels) in enumerate(steps, start=1):
            shapes.append(_arrow(MAPS_AT[place - 1] + 34, MAPS_AT[place] - 34, y, what))
            shapes.append(_map(MAPS_AT[place], y, side, channels, MADE if place == len(steps) else BETWEEN))
    return _svg(TOP + ROW * len(FORMS), shapes)


def doubled() -> str:
    """A kernel of three weights on a row of pixels that was doubled: it sees two of the small row's pixels."""
    shapes = [_text(NAME_AT, 42, "a row of the small map", anchor="start")]
    shapes += _cells(300, 20, [("a", PIXELS[0]), ("b", PIXELS[1]), ("c", PIXELS[2])], 2 * CELL)
    shapes.append(_text(NAME_AT, 102, "doubled", anchor="start"))
    shapes += _cells(300, 80, [(name, colour) for name, colour in zip("abc", PIXELS, strict=True) for _ in range(2)])
    for y, first, result in ((140, 1, "k1 a + (k2 + k3) b"), (200, 2, "(k1 + k2) b + k3 c")):
        shapes.append(
            _text(NAME_AT, y + 22, f"the kernel at the {'left' if first == 1 else 'right'} b", anchor="start")
        )
        shapes += _cells(300 + first * CELL, y, [(f"k{tap}", "white") for tap in (1, 2, 3)])
        shapes.append(_text(540, y + 22, f"= {result}", anchor="start"))
    return _svg(250, shapes)


def _cells(x: int, y: int, cells: Sequence[tuple[str, str]], width: int = CELL) -> Iterator[str]:
    for number, (text, colour) in enumerate(cells):
        left = x + number * width
        yield f'<rect x="{left}" y="{y}" width="{width}" height="{CELL}" fill="{colour}" stroke="#444"/>'
        yield _text(left + width // 2, y + 22, text)


def _map(middle: int, y: int, side: int, channels: str, colour: str) -> str:
    left, top = middle - side / 2, y - side / 2 - 6
    square = f'<rect x="{left}" y="{top}" width="{side}" height="{side}" fill="{colour}" stroke="#444"/>'
    return square + _text(middle, y + 36, channels)


def _arrow(start: int, end: int, y: int, what: str) -> str:
    line = f'<path d="M{start} {y - 6}H{end}m-6 -4l6 4l-6 4" fill="none" stroke="#777"/>'
    return line + _text((start + end) // 2, y - 14, what)


def _text(x: int, y: int, text: str, bold: bool = False, anchor: str = "middle") -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}"{weight}>{escape(text)}</text>'


def _svg(height: int, shapes: Sequence[str]) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
            f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">',
            f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
            *shapes,
            "</svg>\n",
        ]
    )


def pictures() -> dict[str, str]:
    """Both, by file name."""
    return {"operator_forms.svg": forms(), "operator_doubled.svg": doubled()}


if __name__ == "__main__":
    for name, svg in pictures().items():
        (FOLDER / name).write_text(svg)
