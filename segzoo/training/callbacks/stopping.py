"""Ctrl-C ends a run between two steps rather than in one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning


class Interrupted(Exception):  # noqa: N818  Lightning exits the whole process at a KeyboardInterrupt
    """Somebody pressed Ctrl-C."""


class Stopping(lightning.Callback):
    """Waits for the end of the step when Ctrl-C is pressed; pressed again, it interrupts at once."""

    def __init__(self) -> None:
        self.asked = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """A block in which Ctrl-C asks; in the main thread alone, the only one that hears it."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.getsignal(signal.SIGINT)

        def ask(*_: Any) -> None:
            self.asked = True
            signal.signal(signal.SIGINT, before)

        signal.signal(signal.SIGINT, ask)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def on_train_batch_end(self, trainer: lightning.Trainer, *rest: Any) -> None:
        self._stop()

    def on_validation_batch_end(self, trainer: lightning.Trainer, *rest: Any) -> None:
        self._stop()

    def _stop(self) -> None:
        if self.asked:
            raise Interrupted
