"""SMP's twelve architectures."""

from __future__ import annotations

from collections.abc import Mapping

from segzoo_smp.architecture import Architecture
from segzoo_smp.deeplab import DeepLabV3, DeepLabV3Plus
from segzoo_smp.pyramids import FPN, PAN, PSPNet, UPerNet
from segzoo_smp.transformer_made import DPT, Segformer
from segzoo_smp.unet_like import Linknet, MAnet, Unet, UnetPlusPlus

ARCHITECTURES: Mapping[str, Architecture] = {
    kind.__name__: kind()
    for kind in (
        *(Unet, UnetPlusPlus, MAnet, Linknet, FPN, PSPNet, DeepLabV3, DeepLabV3Plus, PAN, UPerNet, Segformer, DPT),
    )
}
"""By the names of SMP's classes."""
