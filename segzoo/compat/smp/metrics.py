"""SMP's metrics, which are plain torch: SMP's own, where it is installed."""

from __future__ import annotations

from segzoo.compat.smp.forwarding import forwards

__getattr__ = forwards("metrics", "segzoo.metrics.SegmentationMetrics")
