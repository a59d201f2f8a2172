"""Which of segzoo's encoders has the weights and the maps of one of SMP's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from typing import Any

import timm
import torch
from timm.data import IMAGENET_DPN_MEAN, IMAGENET_DPN_STD
from timm.models import is_model, split_model_name_tag
from torch import nn

import segzoo
from segzoo_smp.index import PREFIX
from segzoo_smp.recipe import DEPTH, Recipe
from segzoo_smp.recipes import RECIPES, find_recipe

ANY_SIZE = ("dynamic_img_size", "strict_img_size")  # timm's words for what segzoo's encoders do in any case
TIMM = "tu-"
WRAPPERS = ("model", "body")  # which some of timm's feature extractors are
TIMM_BY_ANOTHER_NAME = ("timm-regnet", "timm-res2", "timm-resnest", "timm-gernet", "timm-mobilenetv3")
"""What SMP has taken from timm as it is since version 0.4."""
MIX_TRANSFORMER = tuple(f"mit_b{size}" for size in range(6))
VGG = tuple(f"vgg{layers}{norm}" for layers in (11, 13, 16, 19) for norm in ("", "_bn"))
ENCODERS = (*RECIPES, *VGG, *MIX_TRANSFORMER)
"""What SMP has by names of its own, and segzoo too."""
IMAGENET = segzoo.Preprocessing()
INCEPTION = segzoo.Preprocessing((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
DUAL_PATH = segzoo.Preprocessing(IMAGENET_DPN_MEAN, IMAGENET_DPN_STD)
PREPROCESSING = {
    "timm-tf_efficientnet_lite": INCEPTION,
    "inception": INCEPTION,
    "xception": INCEPTION,
    "dpn": DUAL_PATH,
}
"""Where it isn't ImageNet's usual one, by what names begin with."""

MIX_TRANSFORMER_BLOCK: segzoo.Table = {
    "norm1": "attention_norm",
    "attn.q": "attention.query",
    "attn.kv": segzoo.split("attention.key", "attention.value"),
    "attn.sr": "attention.reduction.projection",
    "attn.norm": "attention.reduction.norm",
    "attn.proj": "attention.output",
    "norm2": "ffn_norm",
    "mlp.fc1": "ffn.expand",
    "mlp.dwconv.dwconv": "ffn.depthwise",
    "mlp.fc2": "ffn.contract",
}


@dataclass(frozen=True)
class WeightNames:
    """What SMP calls an encoder's weights, and segzoo.

    :param table: SMP's, and segzoo's; None for those that SMP holds and never computes with.
    :param before: what comes first: SMP's, and those that the table has.
    :param spare: segzoo's names, by the table, of weights that SMP may hold besides those that are needed.
    """

    table: segzoo.Table
    before: segzoo.Table = field(default_factory=dict)
    spare: frozenset[str] = frozenset()


@dataclass(frozen=True)
class SameEncoder:
    """An encoder of segzoo's that is one of SMP's.

    :param name: for segzoo's `create_model`.
    :param weight_names: finds them out; call it once the encoder is known to be built with these options.
    :param options: for `create_model`.
    :param img_size: likewise.
    :param preprocessing: what SMP's published weights expect; None for what segzoo's encoder says.
    """

    name: str
    weight_names: Callable[[], WeightNames]
    options: Mapping[str, Any] = field(default_factory=dict)
    img_size: Any = None
    preprocessing: segzoo.Preprocessing | None = IMAGENET


def is_timm(name: str) -> bool:
    """Whether SMP takes that encoder from timm as it is."""
    return name.startswith((TIMM, *TIMM_BY_ANOTHER_NAME))


def find_encoder(name: str, depth: int, output_stride: int, options: Mapping[str, Any]) -> SameEncoder:
    """The encoder that is SMP's, named as SMP's constructors take it.

    :param depth: the deepest stage.
    :param output_stride: 8 or 16 where SMP dilates; 32 where it doesn't.
    :param options: the constructor's further arguments: SMP hands them on to timm.
    :raises CheckpointError: when there is none.
    """
    dilated = 2**depth > output_stride
    if name.startswith(TIMM_BY_ANOTHER_NAME):
        other = name.removeprefix("timm-")
        name = TIMM + (f"tf_{other}" if other.startswith("mobilenetv3") else other)
    if name.startswith(TIMM):
        return _timm(name.removeprefix(TIMM), options)
    if options:
        raise segzoo.CheckpointError(
            f"the arguments {', '.join(map(repr, sorted(options)))} are none of SMP's; its {name} takes no further ones"
        )
    recipe = find_recipe(name)
    if recipe and not (recipe.like_timm and not dilated):
        return _made_of_layers(name, recipe)
    if recipe:
        return _timm(recipe.architecture, recipe.options, IMAGENET)
    if name in VGG and not dilated:
        return _timm(name, {}, IMAGENET)
    if name in MIX_TRANSFORMER and not dilated:
        return SameEncoder(name, partial(_names_of_mix_transformer, depth))
    if name in (*VGG, *MIX_TRANSFORMER):
        raise segzoo.CheckpointError(
            f"SMP's encoder {name} can't be imported with output stride {output_stride}: segzoo's can't be dilated"
        )
    raise segzoo.CheckpointError(
        f"SMP's encoder {name!r} can't be imported: segzoo has none with the same layers. It has those named tu-*, "
        f"timm-* and {', '.join(ENCODERS)}"
    )


def _made_of_layers(name: str, recipe: Recipe) -> SameEncoder:
    preprocessing = next((each for start, each in PREPROCESSING.items() if name.startswith(start)), IMAGENET)
    return SameEncoder(PREFIX + name, partial(_names_of_layers, recipe), preprocessing=preprocessing)


def _names_of_layers(recipe: Recipe) -> WeightNames:
    with torch.device("meta"):
        body = timm.create_model(recipe.architecture, num_classes=0, **recipe.options)
    places: segzoo.Table = {
        **{
            f"encoder.{path}": f"encoder.stages.{stage}.{place}"
            for stage, paths in enumerate(recipe.stages)
            for place, path in enumerate(paths)
        },
        "encoder": "encoder",
    }
    everything = segzoo.rename_weights({f"encoder.{key}": weight for key, weight in body.state_dict().items()}, places)
    return WeightNames(places, segzoo.under("encoder", "encoder", recipe.names), frozenset(everything))


def _names_of_mix_transformer(depth: int) -> WeightNames:
    rows: dict[str, Any] = {}
    for stage in range(1, DEPTH):
        theirs, ours = ("patch_embed{}", "block{}", "norm{}"), f"encoder.stages.{stage - 1}"
        patches, blocks, norm = (f"encoder.{each.format(stage)}" for each in theirs)
        if stage >= depth:
            rows |= {patches: None, blocks: None, norm: None}
        else:
            rows |= segzoo.under(patches, f"{ours}.patches", {"proj": "projection", "norm": "norm"})
            rows |= segzoo.under(f"{blocks}.{{}}", f"{ours}.blocks.{{}}", MIX_TRANSFORMER_BLOCK)
            rows[norm] = f"{ours}.norm"
    return WeightNames(rows)


def _timm(name: str, options: Mapping[str, Any], preprocessing: segzoo.Preprocessing | None = None) -> SameEncoder:
    """One of timm's, by the name that timm's `create_model` takes."""
    architecture, _ = split_model_name_tag(name)
    if not is_model(architecture):  # a hub's or a folder's would be fetched
        raise segzoo.CheckpointError(
            f"SMP's encoder {TIMM + name!r} can't be imported: timm {timm.__version__} has no architecture "
            f"{architecture!r}"
        )
    options = {option: value for option, value in options.items() if option not in ANY_SIZE}
    img_size = options.pop("img_size", None)
    return SameEncoder(name, partial(_names_of_timm, name, options), options, img_size, preprocessing)


def _names_of_timm(name: str, options: Mapping[str, Any]) -> WeightNames:
    """SMP names weights as timm does, or as one of timm's feature extractors: wrapped, or outermost sequences flat."""
    with torch.device("meta"):
        whole = timm.create_model(name, **options)
    children = dict(whole.named_children())
    flattened = [child for child, layer in children.items() if isinstance(layer, nn.Sequential)]
    inner = [(wrapper, "") if wrapper not in children else ("",) for wrapper in WRAPPERS]
    rows: dict[str, str] = {}
    for wrappers in product(("model", ""), *inner):  # the longest first
        prefix = ".".join(filter(None, ("encoder", *wrappers)))
        rows |= {f"{prefix}.{child}_{{}}": f"encoder.body.{child}.{{}}" for child in flattened} | {
            prefix: "encoder.body"
        }
    ordered = sorted(rows, key=lambda path: (path.count("."), len(path)), reverse=True)
    return WeightNames(
        {path: rows[path] for path in ordered}, spare=frozenset(f"encoder.body.{key}" for key in whole.state_dict())
    )
