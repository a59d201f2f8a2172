"""mmsegmentation's heads of context in its kept fork, small, and segzoo's decoders with their weights."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from foreign import disturb
from smp_parity import without_chance
from torch import Tensor, nn
from torch.nn import functional as F

import segzoo
from segzoo.host import registry
from segzoo.renaming import rename_weights
from segzoo_mmseg.importer import MMSegImporter

CHANNELS = (8, 12, 20)
"""Of the deepest maps, unless others are asked for."""
CLASSES = 5
SMALL: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "nonlocal": ("NLHead", {"channels": 16}),
    "danet": ("DAHead", {"channels": 16, "pam_channels": 6}),
    "gcnet": ("GCHead", {"channels": 16}),
    "dnl": ("DNLHead", {"channels": 16}),
    "isanet": ("ISAHead", {"channels": 16, "isa_channels": 8}),
    "ccnet": ("CCHead", {"channels": 16}),
    "emanet": ("EMAHead", {"channels": 10, "ema_channels": 16, "num_bases": 6, "num_stages": 3}),
    "ann": ("ANNHead", {"channels": 16, "project_channels": 8}),
    "apcnet": ("APCHead", {"channels": 16}),
    "dmnet": ("DMHead", {"channels": 16}),
    "encnet": ("EncHead", {"channels": 16, "num_codes": 7}),
    "encnet_laterals": ("EncHead", {"channels": 16, "num_codes": 7, "add_lateral": True}),
}
"""By segzoo's name: the class of their head, and what it takes."""
LISTED = {"ann": 2, "encnet": 1, "encnet_laterals": 3}
"""How many maps those take that take a list of them."""


def mmseg_head(mmseg: ModuleType, name: str, channels: Sequence[int] = CHANNELS) -> nn.Module:
    """Their head, without chance, its weights such that a mix-up shows.

    :param channels: of the maps that the backbone gives.
    """
    kind, options = SMALL[name]
    if kind == "CCHead":
        mmseg.cc_head.CrissCrossAttention = _criss_cross_attention()
    taken = LISTED.get(name)
    head = getattr(mmseg, kind)(
        in_channels=list(channels[-taken:]) if taken else channels[-1],
        in_index=list(range(-taken, 0)) if taken else -1,
        num_classes=CLASSES,
        norm_cfg={"type": "BN"},
        **options,
    )
    disturb(head)
    with torch.no_grad():
        for parameter in head.parameters():
            if not parameter.any():  # branches that add nothing at first
                parameter.normal_(std=0.3)
    return without_chance(head)


def _criss_cross_attention() -> type[nn.Module]:
    """mmcv's, of its file alone: the folder that it lies in imports compiled operators."""
    import mmcv

    path = Path(mmcv.__file__).parent / "ops" / "cc_attention.py"
    spec = importlib.util.spec_from_file_location("mmcv_cc_attention", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    registered = importlib.import_module("mmengine.registry").MODELS.module_dict
    registered.pop("CrissCrossAttention", None)
    spec.loader.exec_module(module)
    return module.CrissCrossAttention


class Counterpart(nn.Module):
    """segzoo's decoder with a head's weights, and its classifier; of float64, as the head then is."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        weights = {f"decode_head.{name}": each for name, each in head.state_dict().items()}
        checkpoint = SimpleNamespace(weights=weights)
        architecture = next(each for each in MMSegImporter.architectures if each.recognises(checkpoint))
        self.table = {
            **architecture.decoder_names(weights),
            **dict.fromkeys(("conv_seg", *architecture.of_training)),
        }
        head.double()
        channels = channels_of(head)
        stages = segzoo.FeatureSpec(tuple(channels), (8,) * len(channels))
        options = architecture.options(weights)
        self.decoder = registry.find_decoder(architecture.decoder).load()(stages, **options)
        self.decoder.load_state_dict(rename_weights(head.state_dict(), self.table), strict=True)
        self.classifier = head.conv_seg
        without_chance(self.double())

    def forward(self, maps: list[Tensor]) -> Tensor:
        return self.classifier(self.decoder(maps))

    def expected_gradients(self, head: nn.Module) -> dict[str, Tensor]:
        """Theirs, by segzoo's names."""
        found = {name: each.grad for name, each in head.named_parameters() if each.grad is not None}
        return rename_weights(found, self.table)


def channels_of(head: nn.Module) -> list[int]:
    """Of the maps that it takes."""
    return head.in_channels if isinstance(head.in_channels, list) else [head.in_channels]


def maps_of(head: nn.Module, size: tuple[int, int], batch: int = 2) -> list[Tensor]:
    """Random maps; those before the deepest are of other sizes."""
    *finer, deepest = channels_of(head)
    larger = (2 * size[0] - 1, 2 * size[1])
    shapes = [*((each, *larger) for each in finer), (deepest, *size)]
    return [torch.randn(batch, *shape, dtype=torch.float64, requires_grad=True) for shape in shapes]


def logits_of(head: nn.Module, maps: list[Tensor]) -> Tensor:
    """Of their head: the first of what it returns."""
    returned = head(maps)
    return returned[0] if isinstance(returned, tuple) else returned


def loss_of(logits: Tensor) -> Tensor:
    """A number on which each logit bears in another way."""
    weights = torch.linspace(-1, 1, logits.numel(), dtype=logits.dtype).view_as(logits)
    return (F.softplus(logits) * weights).sum()
