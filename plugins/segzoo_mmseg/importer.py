"""A checkpoint that a training program of mmsegmentation wrote: `state_dict` and `meta`."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import Any

import torch

import segzoo
from segzoo_mmseg.backbones import read_backbone
from segzoo_mmseg.heads import CLASSIFIER, read_heads

DILATED = 8
"""The largest stride of published models that don't take a pyramid, the `d8` in their names."""
OF_A_PYRAMID = ("segformer", "upernet")
OPTIONS = ("encoder_options", "decoder_options")


class MMSegImporter(segzoo.Importer):
    """The parts are seen by the names and shapes of the weights, with mmsegmentation's published settings.

    What weights can't show (dilation, dropout) is another in some configurations: the user then gives
    `encoder_options` and `decoder_options`, such as `{"decoder_options": {"output_stride": 16, "rates": [6, 12, 18]}}`.
    """

    def recognises(self, source: segzoo.Checkpoint) -> bool:
        if not source.path.is_file() or source.path.suffix == ".safetensors":
            return False
        content = _glance(source)
        return "meta" in content and any(name.startswith("decode_head.") for name in content.get("state_dict") or ())

    def read(self, source: segzoo.Checkpoint) -> segzoo.Imported:
        unknown = [name for name in source.arguments if name not in OPTIONS]
        if unknown:
            raise segzoo.CheckpointError(
                f"a checkpoint of mmsegmentation takes {' and '.join(OPTIONS)}, and {', '.join(unknown)} was given"
            )
        try:
            heads = read_heads(source.weights)
            backbone = read_backbone(heads.weights)
            classes = backbone.weights[f"{CLASSIFIER}weight"].shape[0]
        except (KeyError, IndexError, RuntimeError) as error:
            raise segzoo.CheckpointError(
                f"the weights in {str(source.path)!r} are incomplete or of other shapes than mmsegmentation's: {error}"
            ) from error
        decoder_options = dict(heads.options)
        if heads.decoder not in OF_A_PYRAMID:
            decoder_options["output_stride"] = DILATED if backbone.dilates else None
        return segzoo.Imported(
            arguments={
                "encoder": backbone.encoder,
                "decoder": heads.decoder,
                "classes": classes,
                "in_channels": backbone.in_channels,
                "encoder_options": {**backbone.options, **source.arguments.get("encoder_options", {})},
                "decoder_options": {**decoder_options, **source.arguments.get("decoder_options", {})},
                "auxiliary": heads.auxiliary,
            },
            weights=backbone.weights,
            preprocessing=segzoo.Preprocessing().for_channels(backbone.in_channels),
            labels=_labels(_glance(source).get("meta"), classes),
            notes=heads.notes,
        )


def _glance(source: segzoo.Checkpoint) -> Mapping[str, Any]:
    """The checkpoint, its tensors left on disk; empty where it can't be read without unpickling more than data."""
    try:
        content = torch.load(source.path, map_location="cpu", weights_only=True, mmap=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, OSError):
        return {}
    return content if isinstance(content, dict) else {}


def _labels(meta: Any, classes: int) -> Mapping[str, segzoo.Labels]:
    """Names and colours: `CLASSES` and `PALETTE` until version 0.30, `dataset_meta` since."""
    if not isinstance(meta, Mapping):
        return {}
    said = meta.get("dataset_meta") if isinstance(meta.get("dataset_meta"), Mapping) else meta
    assert isinstance(said, Mapping)
    names, palette = said.get("classes", said.get("CLASSES")), said.get("palette", said.get("PALETTE"))
    try:
        labels = segzoo.Labels(
            tuple(names) if names is not None and len(names) == classes else (),
            tuple(tuple(colour) for colour in palette) if palette is not None and len(palette) == classes else (),
        )
    except (TypeError, segzoo.OptionError):
        return {}
    return {"logits": labels} if labels.names or labels.palette else {}
