"""Published weights and local files for a Mix Transformer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Literal

import huggingface_hub
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
from timm.models import adapt_input_conv
from torch import Tensor

import segzoo
from segzoo_mit.encoder import MixTransformer

FILE_NAMES = ("model.safetensors", "pytorch_model.bin")
SUFFIXES = (".safetensors", ".pth", ".bin")
FIRST_CONVOLUTION = "stages.0.patches.projection.weight"

ROOTS = ("stages", "patch_embeddings", "block", "layer_norm")
"""The first components of names, this encoder's and transformers'."""
BLOCK: segzoo.Table = {
    # transformers, as saved
    "attention.self.query": "attention.query",
    "attention.self.key": "attention.key",
    "attention.self.value": "attention.value",
    "attention.self.sr": "attention.reduction.projection",
    "attention.self.layer_norm": "attention.reduction.norm",
    "attention.output.dense": "attention.output",
    "layer_norm_1": "attention_norm",
    "layer_norm_2": "ffn_norm",
    "mlp.dense1": "ffn.expand",
    "mlp.dense2": "ffn.contract",
    # transformers 5, in memory
    "attention.q_proj": "attention.query",
    "attention.k_proj": "attention.key",
    "attention.v_proj": "attention.value",
    "attention.o_proj": "attention.output",
    "attention.sequence_reduction.sequence_reduction": "attention.reduction.projection",
    "attention.sequence_reduction.layer_norm": "attention.reduction.norm",
    "layernorm_before": "attention_norm",
    "layernorm_after": "ffn_norm",
    "mlp.fc1": "ffn.expand",
    "mlp.fc2": "ffn.contract",
    # both
    "mlp.dwconv.dwconv": "ffn.depthwise",
    "": "",
}
NAMES: segzoo.Table = {
    "patch_embeddings.{}.proj": "stages.{}.patches.projection",
    "patch_embeddings.{}.layer_norm": "stages.{}.patches.norm",
    "layer_norm.{}": "stages.{}.norm",
    **segzoo.under("block.{}.{}", "stages.{}.blocks.{}", BLOCK),
    "stages.{}.patch_embeddings.proj": "stages.{}.patches.projection",
    "stages.{}.patch_embeddings.layer_norm": "stages.{}.patches.norm",
    "stages.{}.layer_norm": "stages.{}.norm",
    **segzoo.under("stages.{}.blocks.{}", "stages.{}.blocks.{}", BLOCK),
    "": "",
}


def load_pretrained(encoder: MixTransformer, name: str, pretrained: Literal[True] | str | PathLike[str]) -> None:
    """Load weights into an encoder, all of them or none.

    :param name: `mit_b0` to `mit_b5`.
    :param pretrained: True for those that NVIDIA publishes, else a file or a folder that holds one: a state dict of
        this encoder, or of any of transformers' Segformer classes.
    :raises CheckpointError: when they can't be had, or don't fit.
    """
    path = download(name) if pretrained is True else find_file(Path(pretrained))
    weights = own_weights(segzoo.read_weights(path), encoder)
    expected = {key: tuple(value.shape) for key, value in encoder.state_dict().items()}
    found = {key: tuple(value.shape) for key, value in weights.items()}
    complaints = [
        *listing("lacks", (key for key in expected if key not in found)),
        *listing("has besides", (key for key in found if key not in expected)),
        *listing(
            "differs in shape at",
            (
                f"{key} {found[key]} instead of {expected[key]}"
                for key in expected
                if key in found and found[key] != expected[key]
            ),
        ),
    ]
    if complaints:
        raise segzoo.CheckpointError(
            f"{path} does not fit {name} with {encoder.spec.channels[0]} input channels: "
            f"it {'; it '.join(complaints)}. Give a state dict of this encoder, or of the same size of Segformer "
            "in transformers"
        )
    encoder.load_state_dict(weights)


def download(name: str) -> Path:
    """Fetch the file of the published weights, from the hub or its cache."""
    repository = f"nvidia/{name.replace('_', '-')}"
    for file_name in FILE_NAMES:
        cached = huggingface_hub.try_to_load_from_cache(repository, file_name)
        if isinstance(cached, str):
            return Path(cached)
    reason: Exception | None = None
    for file_name in FILE_NAMES:
        try:
            return Path(huggingface_hub.hf_hub_download(repository, file_name))
        except (EntryNotFoundError, OSError) as error:
            reason = error
            if not isinstance(error, EntryNotFoundError) or isinstance(error, LocalEntryNotFoundError):
                break  # the hub, not the file, is out of reach
    raise segzoo.CheckpointError(
        f"the published weights of {name} can't be had from huggingface.co/{repository} ({reason}). Without a network, "
        f"give a local file or folder: pretrained='path/to/{FILE_NAMES[0]}'"
    ) from reason


def find_file(path: Path) -> Path:
    """Find the file of weights at a path: itself, or the one in that folder."""
    if not path.is_dir():
        return path
    usual = [path / name for name in FILE_NAMES if (path / name).is_file()]
    candidates = usual[:1] or sorted(file for file in path.iterdir() if file.suffix in SUFFIXES)
    if len(candidates) != 1:
        names = ", ".join(file.name for file in candidates) or "none"
        raise segzoo.CheckpointError(
            f"expected one file of weights ({', '.join(SUFFIXES)}) in the folder {path}, found {names}; name the file"
        )
    return candidates[0]


def own_weights(weights: dict[str, Tensor], encoder: MixTransformer) -> dict[str, Tensor]:
    """Take the weights that the encoder has, under its own names and for its number of input channels."""
    bare = segzoo.unwrap_weights({key.replace("segformer.", "", 1): weight for key, weight in weights.items()}, ROOTS)
    encoder_s = {key: weight for key, weight in bare.items() if key.partition(".")[0] in ROOTS}
    own = {
        key: weight
        for key, weight in segzoo.rename_weights(encoder_s, NAMES).items()
        if (stage := re.match(r"stages\.(\d+)\.", key)) and int(stage[1]) < len(encoder.stages)
    }
    first = own.get(FIRST_CONVOLUTION)
    if first is not None and first.ndim == 4 and first.shape[1] == 3:
        own[FIRST_CONVOLUTION] = adapt_input_conv(encoder.spec.channels[0], first)
    return own


def listing(verb: str, entries: Iterable[str]) -> list[str]:
    """Phrase a complaint that names the first few entries, or nothing if there are none."""
    entries = list(entries)
    more = f" and {len(entries) - 3} more" if len(entries) > 3 else ""
    return [f"{verb} {', '.join(entries[:3])}{more}"] if entries else []
