"""Writes decoders.md beside this file, from what the decoders say of themselves: `python docs/decoders.py`."""

from pathlib import Path

from tabulate import tabulate

from segzoo.handshake.decoder_options import describe_options
from segzoo.host import registry
from segzoo.host.descriptors import DecoderSpec
from segzoo.host.registry import Provided

PAGE = Path(__file__).with_name("decoders.md")
INTRODUCTION = """# The decoders that ship with segzoo

Each works with every encoder; `segzoo plan ENCODER DECODER` shows how. Their options are below, as they are declared:
`create_model(..., decoder_options={"width": 64})` sets them, and `segzoo decoders NAME` shows them too. Plugins add
more, and `segzoo decoders` lists them all. This page is written by `python docs/decoders.py`.
"""
SIZES = """## As large as published

The defaults serve any encoder. These settings give models of the size that their authors state:

- Semantic FPN on ResNet-50, 150 classes, 28.5 M: `fpn` with `smooth=True`. The default is
  segmentation_models_pytorch's, which leaves these convolutions out.
- EfficientViT-L1 and L2: `efficientvit` with `fused=True, act="gelu_tanh"`. For Cityscapes (40 and 53 M) also
  `width=256, expansion=1, final_expansion=None`, and 3 or 5 blocks. For ADE20K (40 and 51 M) also
  `width=128, final_expansion=8`.
- OCRNet on HRNet-W48, 150 classes, 70.5 M: `ocrnet` with `coarse_width=720`, on `hrnet_w48` with the encoder's option
  `head=""`. Without it timm widens the maps for classification, from 720 channels in all to 1920.
- Segmenter, Seg-B-Mask/16: 106 M are published, and `segmenter` on `vit_base_patch16_384` has 102.15 M. The authors'
  code gives 103.27 M: 0.34 M are positions for 512 pixels, 0.77 M a norm and a classifier that it doesn't use.
"""


def page() -> str:
    shipped = sorted((found for found in registry.decoders().values() if found.shipped), key=lambda found: found.name)
    rows = [
        (f"[`{each.name}`](#{each.name})", each.descriptor.summary, _link(each.descriptor.paper)) for each in shipped
    ]
    table = tabulate(rows, headers=["name", "what it does", "paper"], tablefmt="github")
    return "\n".join([INTRODUCTION, table, "", *map(_options, shipped), SIZES])


def _options(found: Provided[DecoderSpec]) -> str:
    rows = [
        (f"`{option['name']}`", option["takes"], f"`{option['default']!r}`", option["meaning"])
        for option in describe_options(found.load())
    ]
    return (
        f"## {found.name}\n\n{tabulate(rows, headers=['option', 'takes', 'default', 'meaning'], tablefmt='github')}\n"
    )


def _link(paper: str) -> str:
    return f"[{paper}](https://arxiv.org/abs/{paper.removeprefix('arXiv:')})" if paper.startswith("arXiv:") else paper


if __name__ == "__main__":
    PAGE.write_text(page())
