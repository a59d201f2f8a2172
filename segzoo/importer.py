"""The importer's contract: somebody else's checkpoint in, a segzoo model's arguments and weights out.

A plugin announces an importer with the hook `segzoo_importers`; `segzoo.from_pretrained` asks each whether it
recognises a folder or file that isn't segzoo's own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor

from segzoo.errors import CheckpointError
from segzoo.labels import Labels
from segzoo.preprocessing import Preprocessing
from segzoo.weights import read_weights

WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # in a folder, the first that is there
INDEX = "model.safetensors.index.json"  # of weights in several files

Rules = Iterable[tuple[str, str]]
"""Regular expressions on a peer's names and what replaces them, applied in turn."""


@dataclass(frozen=True)
class Source:
    """Somebody else's checkpoint.

    :param path: a folder, or a file of weights.
    :param arguments: what a bare file of weights doesn't say, given by the user: usually the constructor's arguments.
    """

    path: Path
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """The folder's `config.json`, empty where there is none.

        :raises CheckpointError: when it is no JSON object.
        """
        return self.json("config.json") if (self.path / "config.json").is_file() else {}

    def json(self, name: str) -> Mapping[str, Any]:
        """A JSON file of the folder.

        :raises CheckpointError: when it isn't there, or is no JSON object.
        """
        try:
            content = json.loads((self.path / name).read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            raise CheckpointError(f"{name} of {str(self.path)!r} can't be read as JSON: {error}") from error
        if not isinstance(content, dict):
            raise CheckpointError(
                f"{name} of {str(self.path)!r} holds a {type(content).__name__}; expected an object: values by name"
            )
        return content

    @cached_property
    def weights(self) -> dict[str, Tensor]:
        """All tensors by the peer's names, on the CPU.

        :raises CheckpointError: when there are none, or they can't be read without unpickling.
        """
        if self.path.is_file():
            return read_weights(self.path)
        if (self.path / INDEX).is_file():
            return self._sharded()
        for name in WEIGHTS:
            if (self.path / name).is_file():
                return read_weights(self.path / name)
        raise CheckpointError(f"no weights in {str(self.path)!r}; expected one of {', '.join((*WEIGHTS, INDEX))}")

    def _sharded(self) -> dict[str, Tensor]:
        shards = self.json(INDEX).get("weight_map")
        if not isinstance(shards, dict) or not all(
            isinstance(name, str) and Path(name).name == name for name in shards.values()
        ):
            raise CheckpointError(f"{INDEX} of {str(self.path)!r} must map names of weights to files beside it")
        return {
            name: weight
            for shard in dict.fromkeys(shards.values())
            for name, weight in read_weights(self.path / shard).items()
        }


@dataclass(frozen=True)
class Imported:
    """What an importer makes of a source.

    :param arguments: for `segzoo.create_model`.
    :param weights: all of the model's state dict, by segzoo's names.
    :param preprocessing: what the model was trained on; the encoder's own if None.
    :param labels: of each head, by its name (`"logits"` for the one without a name).
    :param notes: what a reader should know, such as parts that were left out on purpose.
    """

    arguments: Mapping[str, Any]
    weights: Mapping[str, Tensor]
    preprocessing: Preprocessing | None = None
    labels: Mapping[str, Labels] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Importer:
    """Base of importers of one foreign format."""

    def recognises(self, source: Source) -> bool:
        """Whether a source is of this format: a glance at its files and its config, not at its weights."""
        raise NotImplementedError

    def read(self, source: Source) -> Imported:
        """Translate it.

        :raises CheckpointError: for what can't be brought in, saying which part and why.
        """
        raise NotImplementedError


def rename_weights(weights: Mapping[str, Tensor], rules: Rules) -> dict[str, Tensor]:
    """Weights under other names.

    :param rules: a new name with `{one,other}` splits the weight evenly along its first axis.

    >>> import torch
    >>> list(rename_weights({"block1.attn.kv.bias": torch.zeros(4)}, [("attn[.]kv[.]", "{key,value}.")]))
    ['block1.key.bias', 'block1.value.bias']
    """
    compiled = [(re.compile(pattern), replacement) for pattern, replacement in rules]
    result: dict[str, Tensor] = {}
    for name, weight in weights.items():
        for pattern, replacement in compiled:
            name = pattern.sub(replacement, name)
        split = re.fullmatch(r"(.*)\{(.*)\}(.*)", name)
        if split:
            before, parts, after = split.groups()
            names = [before + part + after for part in parts.split(",")]
            result |= zip(names, weight.chunk(len(names)), strict=True)
        else:
            result[name] = weight
    return result
