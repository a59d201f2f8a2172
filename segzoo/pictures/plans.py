"""Plans as pictures: each row is a stage. A map's side shrinks with the square root of its stride."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segzoo.handshake.planning import Plan

COLOURS = {"image": "#d9d9d9", "native": "#9ecae1", "dilated": "#fdae6b", "placeholder": "none", "neck": "#a1d99b"}
WIDTH, ROW, TOP, LARGEST = 660, 58, 74, 48  # pixels
STAGE_AT, ENCODER_AT, NECK_AT, DECODER_AT = 36, 170, 350, 530  # pixels from the left, of each column's middle


def draw_plan(plan: Plan) -> str:
    """A plan as an SVG file: what the encoder offers, what a neck makes of it, and what the decoder takes."""
    height = TOP + ROW * len(plan.rows) + 8
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
            'font-family="sans-serif" font-size="13" text-anchor="middle">',
            f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
            *_columns(plan),
            *(shape for row in plan.rows for shape in _stage(plan, row.stage)),
            "</svg>\n",
        ]
    )


def _columns(plan: Plan) -> Iterator[str]:
    parts = [(ENCODER_AT, "encoder", plan.encoder), (NECK_AT, "neck", plan.neck), (DECODER_AT, "decoder", plan.decoder)]
    yield _text(STAGE_AT, 26, "stage", bold=True)
    for middle, what, part in parts:
        if part:
            yield _text(middle, 26, what, bold=True)
            yield _text(middle, 44, part.id.rpartition(":")[2])
    if plan.inner:
        yield _text(DECODER_AT, 60, f"around {plan.inner.id.rpartition(':')[2]}")


def _stage(plan: Plan, stage: int) -> Iterator[str]:
    row, y = plan.rows[stage], TOP + ROW * stage + ROW // 2
    made_by_neck = row.origin == "neck"
    yield _text(STAGE_AT, y + 4, str(stage))
    own_channels, own_stride = plan.encoder_spec.channels[stage], plan.encoder_spec.strides[stage]
    if made_by_neck:
        yield _map(ENCODER_AT, y, own_channels, own_stride, "native" if own_channels else "placeholder")
        yield _arrow(ENCODER_AT + 62, NECK_AT - 62, y)
        yield _map(NECK_AT, y, row.channels, row.stride, "neck")
    else:
        yield _map(ENCODER_AT, y, row.channels, row.stride, row.origin)
    if row.role:
        yield _arrow((NECK_AT if made_by_neck else ENCODER_AT) + 62, DECODER_AT - 62, y)
        yield _text(DECODER_AT, y + 4, row.role)


def _map(middle: int, y: int, channels: int, stride: int, origin: str) -> str:
    side = LARGEST / stride**0.5
    dashes = ' stroke-dasharray="4 3"' if origin == "placeholder" else ""
    square = (
        f'<rect x="{middle - 30 - side / 2:.1f}" y="{y - side / 2:.1f}" width="{side:.1f}" height="{side:.1f}" '
        f'fill="{COLOURS[origin]}" stroke="#444"{dashes}><title>{origin}</title></rect>'
    )
    return square + _text(middle + 30, y - 3, f"{channels} ch") + _text(middle + 30, y + 13, f"/ {stride}")


def _arrow(start: int, end: int, y: int) -> str:
    return f'<path d="M{start} {y}H{end}m-6 -4l6 4l-6 4" fill="none" stroke="#777"/>'


def _text(x: int, y: int, text: str, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x}" y="{y}"{weight}>{escape(text)}</text>'
