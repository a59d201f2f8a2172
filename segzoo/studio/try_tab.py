"""The tab to try models in: an image, what one or two of them find in it, and what their stages see."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import copy_context
from pathlib import Path
from typing import Any

import gradio as gr

from segzoo.errors import InputError, OptionError
from segzoo.studio.choice import NARROWEST, choice
from segzoo.studio.images import check_image
from segzoo.studio.models import Models
from segzoo.studio.settings import Settings
from segzoo.studio.showing import areas, class_names, first_shown, head_names, sides
from segzoo.studio.stages import Look, draw_stages
from segzoo.studio.telling import telling
from segzoo.studio.trying import Found, segment
from segzoo.studio.visits import Visits

OPACITY = 0.65
PROGRESS = gr.Progress()
LOOKS: list[tuple[str, Look]] = [("first three principal components", "components"), ("mean of the channels", "mean")]


def try_tab(settings: Settings, visits: Visits, models: Models) -> None:
    """Lay it out, in the tab that is open."""
    with gr.Row():
        first = _model(settings, "Model", settings.models[0] if settings.models else None, "model")
        second = _model(settings, "Model to compare with", None, "second-model")
    image = gr.File(label=f"Image, of at most {settings.max_pixels:g} million pixels", elem_id="image")
    button = gr.Button("Segment", variant="primary", elem_id="segment")
    slider = gr.ImageSlider(
        label="Left and right of the line", show_label=True, interactive=False, elem_id="slider", format="png"
    )
    with gr.Row():
        head = gr.Dropdown([], label="Output", visible=False)
        classes = gr.CheckboxGroup([], label="Classes", visible=False, elem_id="classes", min_width=NARROWEST)
        opacity = gr.Slider(0, 1, OPACITY, step=0.05, label="Colour", visible=False)
    table = gr.HTML(elem_id="areas")
    with gr.Row():
        masks = [
            gr.DownloadButton(label, visible=False, elem_id=f"mask-{number}")
            for number, label in enumerate(("Mask", "Mask of the other model"))
        ]
    with gr.Accordion("What each stage sees", open=False):
        look = gr.Radio(LOOKS, value="components", label="As colours")
        stages_button = gr.Button("Draw the stages", elem_id="draw-stages")
        stages = gr.Gallery(
            label="Stages", columns=2, height="auto", object_fit="contain", interactive=False, elem_id="stages"
        )

    @telling
    def find(
        one: str | None, other: str | None, file: str | None, request: gr.Request, progress: gr.Progress = PROGRESS
    ) -> tuple[Any, ...]:
        path, visit = _path(file), visits.of(str(request.session_hash))
        check_image(path, settings.max_pixels)  # before a model is loaded for it
        names = [one, *([other] if other and other != one else [])]
        context = copy_context()  # tiles are computed in a thread of their own, which knows no page
        found: list[Found] = []
        for number, name in enumerate(names):
            model = models.get(name)

            def tell(share: float, done: int = number) -> None:
                context.run(progress, (done + share) / len(names), "Segmenting")

            folder = visit.folder / str(number)
            found.append(segment(str(name), model, path, folder, settings, left=visit.left, progress=tell))
        visit.found = tuple(found)
        heads = head_names(found)
        begin = heads[0] if heads else None
        return gr.Dropdown(heads, value=begin, visible=len(heads) > 1), *of_head(found, begin)

    def of_head(found: Sequence[Found], name: str | None) -> tuple[Any, ...]:
        chosen = first_shown(found, name)
        files = [str(each.head(name).mask) for each in found]
        return (
            sides(found, name, chosen, OPACITY),
            gr.CheckboxGroup(class_names(found, name), value=chosen, visible=True),
            gr.Slider(value=OPACITY, visible=True),
            areas(found, name),
            *(gr.DownloadButton(value=files[n] if n < len(files) else None, visible=n < len(files)) for n in (0, 1)),
        )

    @telling
    def change(name: str | None, request: gr.Request) -> tuple[Any, ...]:
        return of_head(_found(visits, request), name)

    @telling
    def redraw(name: str | None, chosen: list[str], strength: float, request: gr.Request) -> Any:
        return sides(_found(visits, request), name, chosen, strength)

    @telling
    def see(name: str | None, file: str | None, how: Look) -> list[tuple[Any, str]]:
        return [tuple(stage) for stage in draw_stages(models.get(name), _path(file), settings, how)]  # type: ignore[misc]

    shown = [slider, classes, opacity, table, *masks]
    # A model answers one visitor at a time.
    computing: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "model"}
    button.click(find, [first, second, image], [head, *shown], api_name="segment", **computing)
    head.input(change, head, shown, api_visibility="private")
    gr.on(
        [classes.input, opacity.release], redraw, [head, classes, opacity], slider,
        trigger_mode="always_last", show_progress="hidden", concurrency_limit=4, api_visibility="private",
    )  # fmt: skip
    stages_button.click(see, [first, image, look], stages, api_name="stages", **computing)


def _model(settings: Settings, label: str, value: str | None, name: str) -> gr.Dropdown:
    typed = not settings.is_closed
    info = "A folder, or an id on the hub such as user/roads." if typed else ""
    return choice(settings.models, value, label, name, info=info, typed=typed)


def _path(file: str | None) -> Path:
    if not file:
        raise OptionError("choose an image first")
    return Path(file)


def _found(visits: Visits, request: gr.Request) -> tuple[Found, ...]:
    found = visits.of(str(request.session_hash)).found
    if not found:
        raise InputError("nothing is kept of that image any more; segment it again")
    return found
