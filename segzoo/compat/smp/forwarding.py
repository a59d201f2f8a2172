"""SMP's parts that have nothing to do with its models: they are SMP's own, where it is installed."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from segzoo.errors import MissingExtraError

LIBRARY = "segmentation_models_pytorch"


def forwards(room: str, instead: str) -> Callable[[str], Any]:
    """A module's `__getattr__` that looks names up in a module of SMP's.

    :param room: the module's name within SMP.
    :param instead: what segzoo has in its place.
    """

    def look_up(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            module = import_module(f"{LIBRARY}.{room}")
        except ImportError as error:
            raise MissingExtraError(
                f"segzoo.compat.smp.{room}.{name} is SMP's own, and SMP isn't installed: pip install "
                f"segmentation-models-pytorch, or take {instead}"
            ) from error
        return getattr(module, name)

    return look_up
