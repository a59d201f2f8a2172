"""The tab to choose a pair in: its plan, what it costs, and the code that makes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from segzoo.errors import SegzooError
from segzoo.studio.choice import choice
from segzoo.studio.choosing import Pair, decoder_choices, encoder_choices, read_options
from segzoo.studio.markup import message, plan_picture, table
from segzoo.studio.settings import Settings

FIRST = "resnet50", "unet"
"""The pair that the page begins with."""


def choose_tab(settings: Settings, page: gr.Blocks) -> None:
    """Lay it out, in the tab that is open."""
    with gr.Row():
        encoder = choice(encoder_choices(), FIRST[0], "Encoder", "encoder", info="Type to search.", typed=True)
        decoder = choice(
            decoder_choices(), FIRST[1], "Decoder", "decoder", info="Type a name, a word or a paper.", typed=False
        )
    with gr.Accordion("Classes, channels, options", open=False), gr.Row():
        classes = gr.Number(19, label="Classes", precision=0, minimum=1)
        channels = gr.Number(3, label="Channels of the image", precision=0, minimum=1)
        size = gr.Number(512, label="Image that cost is told of", info="Pixels a side.", precision=0, minimum=1)
        options = gr.Textbox(label="Options of the decoder", placeholder='{"width": 128}', max_lines=1)
    plan = gr.HTML(elem_id="plan")
    cost = gr.HTML(elem_id="cost")
    code = gr.Code(language="python", label="Python", interactive=False)

    pair = [encoder, decoder, classes, channels, size, options]
    changes = [page.load, encoder.change, decoder.change, classes.change, channels.change, size.change, options.change]
    shown = gr.on(
        changes, _plan, pair, [plan, code],
        trigger_mode="always_last", concurrency_limit=2, concurrency_id="plan", api_name="plan",
    )  # fmt: skip
    shown.then(_cost, pair, cost, concurrency_limit=2, concurrency_id="plan", api_name="cost")
    if not settings.is_closed:
        button = gr.Button("Measure time and memory here")
        measured = gr.HTML()
        button.click(_measured, pair, measured, concurrency_limit=1, api_visibility="private")


def _plan(*given: Any) -> tuple[str, str]:
    def show(pair: Pair) -> tuple[str, str]:
        return plan_picture(pair.plan()), pair.code

    return _answered(show, given, lambda error: (message(error), ""))


def _cost(*given: Any) -> str:
    def show(pair: Pair) -> str:
        plan = pair.plan()
        rows = [(part.id, f"{part.parameters / 1e6:.2f} M") for part in (plan.encoder, plan.neck, plan.decoder) if part]
        giga = pair.multiply_adds() / 1e9
        rows.append((f"Multiply-adds of {pair.size}x{pair.size} pixels", f"{giga:.1f} G"))
        return table(["Part", "Parameters"], rows)

    return _answered(show, given, lambda error: "")  # the plan's place has the message


def _measured(*given: Any) -> str:
    def show(pair: Pair) -> str:
        cost, reason = (measured := pair.measure()).cost, measured.reason
        if cost is None:
            return message(reason)
        memory = "not told by this system" if cost.memory is None else f"{cost.total_memory:.0f} MiB"
        rows = [("Time of a forward", f"{cost.milliseconds:.0f} ms"), ("Memory, weights included", memory)]
        return table([f"On this machine, {pair.size}x{pair.size} pixels", ""], rows)

    return _answered(show, given, message)


def _answered(show: Callable[[Pair], Any], given: tuple[Any, ...], refuse: Callable[[SegzooError], Any]) -> Any:
    """What is shown of a pair, or of why there is none, in its place."""
    encoder, decoder, classes, channels, size, options = given
    try:
        return show(
            Pair(
                encoder=encoder or "",
                decoder=decoder or "",
                classes=classes or 1,
                in_channels=channels or 1,
                size=size or 1,
                decoder_options=read_options(options or ""),
            )
        )
    except SegzooError as error:
        return refuse(error)
