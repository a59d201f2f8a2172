"""Errors as messages in the page."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from html import escape
from typing import ParamSpec, TypeVar

import gradio as gr

from segzoo.errors import SegzooError

P = ParamSpec("P")
R = TypeVar("R")


def telling(answer: Callable[P, R]) -> Callable[P, R]:
    """What answers a visitor, and says segzoo's errors in the page, until they are closed."""

    @wraps(answer)
    def told(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return answer(*args, **kwargs)
        except SegzooError as error:
            # Gradio shows messages as markup.
            raise gr.Error(escape(str(error)), duration=None, print_exception=False) from error

    return told
