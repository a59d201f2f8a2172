"""SMP's twelve architectures."""

from __future__ import annotations

from collections.abc import Mapping

from segzoo_smp.architecture import Architecture
from segzoo_smp.deeplabv3 import DeepLabV3, DeepLabV3Plus
from segzoo_smp.dpt import DPT
from segzoo_smp.fpn import FPN
from segzoo_smp.linknet import Linknet
from segzoo_smp.manet import MAnet
from segzoo_smp.pan import PAN
from segzoo_smp.pspnet import PSPNet
from segzoo_smp.segformer import Segformer
from segzoo_smp.unet import Unet
from segzoo_smp.unetplusplus import UnetPlusPlus
from segzoo_smp.upernet import UPerNet

ARCHITECTURES: Mapping[str, Architecture] = {
    kind.__name__: kind()
    for kind in (
        *(Unet, UnetPlusPlus, MAnet, Linknet, FPN, PSPNet, DeepLabV3, DeepLabV3Plus, PAN, UPerNet, Segformer, DPT),
    )
}
"""By the names of SMP's classes."""
