"""Writes docs/matrix.html: the encoders that people segment with, and the smallest of each family, with each decoder.

Run it after a change of the zoo, `python docs/matrix.py`; it takes minutes on several cores.
"""

from __future__ import annotations

import os
from pathlib import Path

import segzoo
from segzoo.matrix import check_pairs, smallest_of_each_family

PAGE = Path(__file__).with_name("matrix.html")
USED = (
    *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x8d"),
    *("wide_resnet50_2", "seresnet50", "resnest50d", "res2net50_26w_4s", "regnety_040", "vgg16_bn", "xception65"),
    *("hrnet_w18", "hrnet_w48", "efficientnet_b0", "efficientnet_b3", "efficientnet_b4", "tf_efficientnetv2_s"),
    *("mobilenetv2_100", "mobilenetv3_large_100", "mobilenetv4_conv_medium", "mobilevit_s", "fastvit_sa12"),
    *("convnext_tiny", "convnext_small", "convnext_base", "convnext_large", "convnextv2_tiny", "convnextv2_base"),
    *("mit_b1", "mit_b2", "mit_b3", "mit_b5", "pvt_v2_b2", "maxvit_tiny_tf_224", "efficientvit_b1", "efficientvit_b3"),
    *("swin_small_patch4_window7_224", "swin_base_patch4_window7_224", "swin_large_patch4_window12_384"),
    *("swinv2_base_window8_256", "hiera_base_224", "sam2_hiera_base_plus", "vit_small_patch16_224"),
    *("vit_base_patch16_224", "vit_large_patch16_224", "deit3_base_patch16_224", "beitv2_base_patch16_224"),
    *("eva02_base_patch14_448", "vit_base_patch16_clip_224", "vit_base_patch16_siglip_256"),
    *("vit_small_patch14_dinov2", "vit_base_patch14_dinov2", "vit_large_patch14_dinov2"),
    *("vit_small_patch16_dinov3", "vit_base_patch16_dinov3", "vit_large_patch16_dinov3"),
)
"""The backbones of the models that segmentation_models_pytorch, mmsegmentation and transformers publish or document,
and of the papers whose decoders are here, in their usual sizes: those that timm and Mix Transformer have."""


def main() -> None:
    """Write the page, in as many processes as there are cores."""
    encoders = [*USED, *smallest_of_each_family(segzoo.list_encoders())]
    check_pairs(encoders, jobs=os.cpu_count() or 1).save_page(PAGE)


if __name__ == "__main__":
    main()
