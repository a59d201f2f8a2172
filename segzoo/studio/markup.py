"""The page's own HTML. Whatever comes from a user's file, a model or a plugin is escaped here, and so shown as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from segzoo.handshake.planning import Plan
from segzoo.labels import Colour
from segzoo.pictures import draw_plan


def message(text: object) -> str:
    """What went wrong, read aloud by screen readers."""
    return f'<p class="segzoo-message" role="alert">{escape(str(text))}</p>'


def paragraph(text: str) -> str:
    """A line of text."""
    return f"<p>{escape(text)}</p>"


def plan_picture(plan: Plan) -> str:
    """A plan as a picture, which a narrow screen scrolls sideways by itself, and as text beneath."""
    parts = [part.id for part in (plan.encoder, plan.neck, plan.decoder) if part]
    label = escape(f"The plan of {' and '.join(parts)}; the same as text is beneath", quote=True)
    return (
        f'<div class="segzoo-plan" role="img" aria-label="{label}" tabindex="0">{draw_plan(plan)}</div>'
        f"<details><summary>The plan as text</summary><pre>{escape(str(plan))}</pre></details>"
    )


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], colours: Sequence[Colour] | None = None) -> str:
    """A table; with colours, the first cell of each row has a patch of one."""
    head = "".join(f'<th scope="col">{escape(header)}</th>' for header in headers)
    body = ""
    for number, (first, *rest) in enumerate(rows):
        patch = _patch(colours[number]) if colours else ""
        cells = "".join(f"<td>{escape(str(cell))}</td>" for cell in rest)
        body += f'<tr><th scope="row">{patch}{escape(str(first))}</th>{cells}</tr>'
    return f'<table class="segzoo-table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _patch(colour: Colour) -> str:
    red, green, blue = colour
    return f'<span class="segzoo-patch" style="background: rgb({red}, {green}, {blue})" aria-hidden="true"></span>'
