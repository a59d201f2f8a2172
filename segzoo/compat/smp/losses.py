"""SMP's losses, which are plain torch and take these models' output: SMP's own, where it is installed.

Segzoo's (`segzoo.losses`) count classes that aren't there in another way, so they can't stand in for them.
"""

from __future__ import annotations

from segzoo.compat.smp.forwarding import forwards

__getattr__ = forwards("losses", "segzoo.losses.Loss('ce+dice')")
