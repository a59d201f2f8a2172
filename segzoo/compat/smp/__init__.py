"""segmentation_models_pytorch's interface to segzoo's models: `import segzoo.compat.smp as smp`.

The room has SMP's interface, which is one for all architectures. Which decoder and which encoder SMP's names stand for
is known to the importer `smp`, a plugin: it needs that for SMP's checkpoints in any case, and the core names no
decoder. So the classes (`Unet`, `FPN`, ...) are made of what that plugin knows when they are first asked for.

>>> import segzoo.compat.smp as smp
>>> model = smp.Unet("resnet18", encoder_weights=None, classes=3)
"""

from __future__ import annotations

from typing import Any

from segzoo.compat.smp import encoders as encoders
from segzoo.compat.smp import losses as losses
from segzoo.compat.smp import metrics as metrics
from segzoo.compat.smp.architectures import architectures
from segzoo.compat.smp.creating import create_model as create_model
from segzoo.compat.smp.creating import from_pretrained as from_pretrained


def __getattr__(name: str) -> Any:
    if name == "MODEL_ARCHITECTURES_MAPPING":
        return {architecture.lower(): kind for architecture, kind in architectures().items()}
    if not name.startswith("_") and name in architectures():
        return architectures()[name]
    raise AttributeError(
        f"segzoo.compat.smp has no {name!r}; it has {', '.join(architectures())}, create_model, from_pretrained, "
        "encoders, losses and metrics"
    )


def __dir__() -> list[str]:
    return sorted({*globals(), *architectures(), "MODEL_ARCHITECTURES_MAPPING"})
