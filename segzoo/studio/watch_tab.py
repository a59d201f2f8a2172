"""The tab to watch a training run in."""

from __future__ import annotations

from typing import Any

import gradio as gr

from segzoo.data.reading import read_image
from segzoo.errors import OptionError, SegzooError
from segzoo.studio.choice import choice
from segzoo.studio.markup import message, paragraph, table
from segzoo.studio.settings import Settings
from segzoo.studio.telling import telling
from segzoo.studio.visits import Visits
from segzoo.studio.watching import Watched, watch

EVERY = 5
"""Seconds between two looks at the folder."""
SHOWN = {"step": "Step", "loss": "Loss", "miou": "mIoU", "accuracy": "Accuracy", "images_per_second": "Images/s"}
LAST = 8
"""Validations in the table."""


def watch_tab(settings: Settings, visits: Visits) -> None:
    """Lay it out, in the tab that is open."""
    info = "The folder that `segzoo train --output FOLDER` writes."
    first = settings.runs[0] if settings.runs else None
    run = choice(settings.runs, first, "Run", "run", info=info, typed=not settings.is_closed)
    button = gr.Button("Watch", variant="primary")
    state = gr.HTML(elem_id="state")
    curve = gr.Image(label="Loss and score", interactive=False, elem_id="curve")
    picture = gr.Image(label="Validation images", interactive=False, elem_id="validation")
    timer = gr.Timer(EVERY, active=False)

    @telling
    def begin(folder: str | None, request: gr.Request) -> tuple[Any, ...]:
        watched = _watched(folder, settings)
        visits.of(str(request.session_hash)).seen = watched.times
        return gr.Timer(active=not watched.finished), *_shown(watched)

    def look(folder: str | None, request: gr.Request) -> tuple[Any, ...]:
        visit = visits.of(str(request.session_hash))
        try:
            watched = _watched(folder, settings)
        except SegzooError as error:
            return gr.Timer(active=False), message(error), gr.skip(), gr.skip()
        if watched.times == visit.seen:
            return (gr.skip(),) * 4
        visit.seen = watched.times
        return gr.Timer(active=not watched.finished), *_shown(watched)

    outputs = [timer, state, curve, picture]
    button.click(begin, run, outputs, concurrency_limit=4, concurrency_id="watch", api_name="watch")
    timer.tick(
        look, run, outputs, concurrency_limit=4, concurrency_id="watch", show_progress="hidden",
        api_visibility="private",
    )  # fmt: skip


def _watched(folder: str | None, settings: Settings) -> Watched:
    folder = (folder or "").strip()
    if settings.is_closed and folder not in settings.runs:
        raise OptionError(f"this studio shows the runs {', '.join(settings.runs) or 'of nobody'}, got {folder!r}")
    return watch(folder)


def _shown(watched: Watched) -> tuple[Any, ...]:
    rows = [[_short(row.get(name, "")) for name in SHOWN] for row in watched.history[-LAST:]]
    scores = table(list(SHOWN.values()), rows) if rows else ""
    pictures = (file and read_image(file) for file in (watched.curve, watched.picture))
    return paragraph(watched.state) + scores, *pictures


def _short(value: str) -> str:
    try:
        return f"{float(value):.4g}"
    except ValueError:
        return value
