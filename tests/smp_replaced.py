"""A pytest plugin: whoever imports segmentation_models_pytorch gets `segzoo.compat.smp`, and downloads nothing."""

from __future__ import annotations

import sys
from functools import partial

import segmentation_models_pytorch.losses._functional  # noqa: F401 - SMP's own losses stay, by their full names

import segzoo.compat.smp as smp

smp.create_model = partial(smp.create_model, encoder_weights=None)  # nothing is downloaded
sys.modules["segmentation_models_pytorch"] = smp
