"""What is chosen from a list, by typing or by pointing."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr

NARROWEST = 260
"""Pixels of a choice: on a phone they stand one above the other."""


def choice(
    choices: Sequence[str | tuple[str, str]], value: str | None, label: str, name: str, *, info: str = "", typed: bool
) -> gr.Dropdown:
    """A list that narrows down as one types.

    :param name: of the element in the page.
    :param typed: whether what isn't in the list can be given too.
    """
    return gr.Dropdown(
        list(choices), value=value, label=label, info=info or None, allow_custom_value=typed, elem_id=name,
        min_width=NARROWEST,
    )  # fmt: skip
