"""Gradio, which draws the page: an extra, and one that is told to keep to itself."""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from segzoo.errors import MissingExtraError


def import_gradio() -> Any:
    """The library, with its analytics off.

    :raises MissingExtraError: when it isn't installed.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # which it reads whenever it might report something
    try:
        import gradio
    except ImportError as error:
        raise _missing(error) from error
    return gradio


def gradio_version() -> str:
    """Its version, without the seconds that importing it takes.

    :raises MissingExtraError: when it isn't installed.
    """
    try:
        return version("gradio")
    except PackageNotFoundError as error:
        raise _missing(error) from error


def _missing(error: Exception) -> MissingExtraError:
    return MissingExtraError(f'the studio needs Gradio 6 ({error}): pip install "segzoo-torch[studio]"')
