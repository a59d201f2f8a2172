"""The importer's contract: somebody else's checkpoint in, a segzoo model's arguments and weights out.

A plugin announces an importer with the hook `segzoo_importers`; `segzoo.from_pretrained` asks each whether it
recognises a folder or file that isn't segzoo's own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor

from segzoo.errors import CheckpointError
from segzoo.labels import Labels
from segzoo.preprocessing import Preprocessing
from segzoo.renaming import Table, rename_weights
from segzoo.weights import read_weights, unwrap_weights

WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # in a folder, the first that is there
INDEX = "model.safetensors.index.json"  # of weights in several files


@dataclass(frozen=True)
class Checkpoint:
    """Somebody else's checkpoint.

    :param path: a folder, or a file of weights.
    :param arguments: what a bare file of weights doesn't say, given by the user: usually the constructor's arguments.
    :param prefix: before the names of the weights, where it is none of those that are found by themselves.
    :param roots: the first components of the peer's names; what a training program put before them is left out.
    """

    path: Path
    arguments: Mapping[str, Any] = field(default_factory=dict)
    prefix: str = ""
    roots: tuple[str, ...] = ()

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
        weights = self._read()
        return unwrap_weights(weights, self.roots, self.prefix) if self.roots or self.prefix else weights

    def weight(self, name: str) -> Tensor:
        """One that says how large a part is.

        :raises CheckpointError: when it isn't there.
        """
        if name not in self.weights:
            raise CheckpointError(f"the weights in {str(self.path)!r} lack {name}")
        return self.weights[name]

    def _read(self) -> dict[str, Tensor]:
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


Source = Checkpoint  # its former name, for one version


@dataclass(frozen=True)
class Imported:
    """What an importer makes of a checkpoint.

    :param arguments: for `segzoo.create_model`.
    :param weights: all of the model's state dict, by segzoo's names.
    :param preprocessing: what the model was trained on; the encoder's own if None.
    :param labels: of each head, by its name (`"logits"` for the one without a name).
    :param notes: what a reader should know.
    :param losses: what a user of the peer's model had and doesn't have here: each is a note and a `CheckpointWarning`.
    """

    arguments: Mapping[str, Any]
    weights: Mapping[str, Tensor]
    preprocessing: Preprocessing | None = None
    labels: Mapping[str, Labels] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()


class Importer:
    """Base of importers of one foreign format."""

    def recognises(self, checkpoint: Checkpoint) -> bool:
        """Whether a checkpoint is of this format: a glance at its files and its config, not at its weights."""
        raise NotImplementedError

    def read(self, checkpoint: Checkpoint) -> Imported:
        """Translate it.

        :raises CheckpointError: for what can't be imported, saying which part and why.
        """
        raise NotImplementedError


class Architecture:
    """One architecture of a peer's: what recognises it, what its arguments are here, and a table of names.

    :cvar name: the peer's.
    """

    name: ClassVar[str]

    def recognises(self, checkpoint: Checkpoint) -> bool:
        """Whether it is this one, by its config or by the names of its weights."""
        raise NotImplementedError

    def arguments(self, checkpoint: Checkpoint) -> Mapping[str, Any]:
        """For `segzoo.create_model`.

        :raises CheckpointError: for what segzoo doesn't have.
        """
        raise NotImplementedError

    def names(self, checkpoint: Checkpoint) -> Table:
        """The peer's names of the weights, and segzoo's."""
        raise NotImplementedError

    def preprocessing(self, checkpoint: Checkpoint) -> Preprocessing | None:
        """What the model was trained on; the encoder's own if None."""
        return None

    def labels(self, checkpoint: Checkpoint) -> Mapping[str, Labels]:
        """Of each head."""
        return {}

    def notes(self, checkpoint: Checkpoint) -> Sequence[str]:
        """Where results differ."""
        return ()

    def losses(self, checkpoint: Checkpoint) -> Sequence[str]:
        """What is left out that the peer's model had."""
        return ()


class ArchitecturesImporter(Importer):
    """Importer of a peer's architectures, the first of which recognises a checkpoint.

    :cvar architectures: all that can be imported.
    :cvar roots: the first components of the peer's names.
    """

    architectures: ClassVar[Sequence[Architecture]]
    roots: ClassVar[tuple[str, ...]] = ()

    def recognises(self, checkpoint: Checkpoint) -> bool:
        return self.find(self.rooted(checkpoint)) is not None

    def read(self, checkpoint: Checkpoint) -> Imported:
        checkpoint = self.rooted(checkpoint)
        found = self.find(checkpoint)
        if found is None:
            raise CheckpointError(
                f"{str(checkpoint.path)!r} can't be imported: it is none of "
                f"{', '.join(each.name for each in self.architectures)}"
            )
        return Imported(
            found.arguments(checkpoint),
            rename_weights(checkpoint.weights, found.names(checkpoint)),
            found.preprocessing(checkpoint),
            found.labels(checkpoint),
            tuple(found.notes(checkpoint)),
            tuple(found.losses(checkpoint)),
        )

    def find(self, checkpoint: Checkpoint) -> Architecture | None:
        """The architecture; None if it is none of them."""
        return next((each for each in self.architectures if each.recognises(checkpoint)), None)

    def rooted(self, checkpoint: Checkpoint) -> Checkpoint:
        """The checkpoint by the peer's own names."""
        return checkpoint if checkpoint.roots == self.roots else replace(checkpoint, roots=self.roots)
