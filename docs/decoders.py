"""Writes decoders.md beside this file, from what the decoders say of themselves: `python docs/decoders.py`.

The gallery of the site (`docs/site/gallery.py`) has a page of each, from the same.
"""

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
    found = shipped()
    rows = [
        (f"[`{each.name}`](#{each.name})", each.descriptor.summary, paper_link(each.descriptor.paper)) for each in found
    ]
    table = tabulate(rows, headers=["name", "what it does", "paper"], tablefmt="github")
    return "\n".join([INTRODUCTION, table, "", *map(_section, found), SIZES])


def shipped() -> list[Provided[DecoderSpec]]:
    """The decoders that ship with segzoo, by name."""
    return sorted((found for found in registry.decoders().values() if found.shipped), key=lambda found: found.name)


def options_table(found: Provided[DecoderSpec]) -> str:
    """What a decoder's options take, their defaults and what they mean."""
    rows = [
        (f"`{option['name']}`", option["takes"], f"`{option['default']!r}`", option["meaning"])
        for option in describe_options(found.load())
    ]
    return tabulate(rows, headers=["option", "takes", "default", "meaning"], tablefmt="github")


def paper_link(paper: str) -> str:
    """A paper's id, such as `arXiv:1505.04597`, and where it is."""
    kind, _, number = paper.partition(":")
    pages = {"arXiv": "https://arxiv.org/abs/", "doi": "https://doi.org/"}
    return f"[{paper}]({pages[kind]}{number})" if kind in pages else paper


def _section(found: Provided[DecoderSpec]) -> str:
    return f"## {found.name}\n\n{found.descriptor.good_for}\n\n{options_table(found)}\n"


if __name__ == "__main__":
    PAGE.write_text(page())
