"""What a studio offers, to whom, and how much of the machine it gives."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal, get_args

from segzoo.errors import OptionError

Tab = Literal["choose", "try", "watch"]
TABS: tuple[Tab, ...] = get_args(Tab)
OWN_HOSTS = (None, "localhost", "127.0.0.1", "::1")
"""By which nobody reaches this machine from another."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Of a studio.

    :param models: folders or hub ids to choose from.
    :param runs: folders that `segzoo train` writes, to choose from.
    :param tabs: of the page, in that order.
    :param closed: whether visitors have nothing but those models and runs, and can't type others, nor measure. None:
        where other machines reach the page.
    :param host: that the page is served on; None: this machine alone, or what `GRADIO_SERVER_NAME` says.
    :param port: None: the first free one from 7860 on, or what `GRADIO_SERVER_PORT` says.
    :param browser: whether to open one.
    :param device: where models run.
    :param tile: side of the tiles that an image is predicted in, in pixels.
    :param max_upload: that a file may have, in MiB.
    :param max_pixels: that an image may have, in millions.
    :param max_waiting: how many may wait for an answer; the next one is told to come back.
    :raises OptionError: for a number out of range, or a tab that doesn't exist.
    """

    models: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    tabs: tuple[Tab, ...] = TABS
    closed: bool | None = None
    host: str | None = None
    port: int | None = None
    browser: bool = False
    device: str = "cpu"
    tile: int = 1024
    max_upload: int = 64
    max_pixels: float = 50
    max_waiting: int = 64

    def __post_init__(self) -> None:
        for name in ("tile", "max_upload", "max_pixels", "max_waiting"):
            value = getattr(self, name)
            if value <= 0:
                raise OptionError(f"expected {name} to be above 0, got {value}")
        if not self.tabs or set(self.tabs) - set(TABS):
            raise OptionError(f"expected tabs among {', '.join(TABS)}, got {list(self.tabs)}")

    @property
    def is_closed(self) -> bool:
        """What `closed` says, or follows from the host."""
        if self.closed is not None:
            return self.closed
        return (self.host or os.environ.get("GRADIO_SERVER_NAME") or None) not in OWN_HOSTS
