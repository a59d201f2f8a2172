"""Ctrl-C ends a run between two steps rather than in one."""

from __future__ import annotations

import signal
import threading
from typing import Any

import lightning


class Interrupted(Exception):  # noqa: N818  Lightning exits the whole process at a KeyboardInterrupt
    """Somebody pressed Ctrl-C."""


class Stopping(lightning.Callback):
    """Waits for the end of the step when Ctrl-C is pressed; pressed again, it interrupts at once."""

    def __init__(self) -> None:
        self.asked = False
        self._before: Any = None

    def on_fit_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._ask)

    def on_train_batch_end(self, trainer: lightning.Trainer, *rest: Any) -> None:
        self._stop()

    def on_validation_batch_end(self, trainer: lightning.Trainer, *rest: Any) -> None:
        self._stop()

    def teardown(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str) -> None:
        self._restore()

    def on_exception(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, exception: BaseException
    ) -> None:
        self._restore()

    def _ask(self, *_: Any) -> None:
        self.asked = True
        self._restore()

    def _stop(self) -> None:
        if self.asked:
            raise Interrupted

    def _restore(self) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None
