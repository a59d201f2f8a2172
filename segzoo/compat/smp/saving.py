"""Saving as a segzoo folder, with what SMP's interface needs beside it; and loading that, or what SMP saved."""

from __future__ import annotations

import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.torch import save_file
from torch import Tensor

from segzoo.compat.smp.weights import CLASSIFICATION, OWN
from segzoo.errors import CheckpointError
from segzoo.publishing import hub
from segzoo.publishing.config import find_config, read_json
from segzoo.weights import read_weights

if TYPE_CHECKING:
    from segzoo.compat.smp.model import Model

ARGUMENTS = "smp.json"
"""SMP's name of the architecture, and its arguments."""
CLASSIFIER = "model-classification.safetensors"
"""The classification head, which segzoo's own models haven't."""
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
KIND = "_model_class"
"""Where SMP has the architecture's name."""


def save(model: Model, folder: Path, claims: Mapping[str, Any]) -> None:
    """Write a folder.

    :param claims: for the card, as `SegmentationModel.save_pretrained` takes them.
    :raises CheckpointError: for a model that nobody could load.
    """
    try:
        arguments = json.dumps({KIND: model.architecture, **model.config, "encoder_weights": None}, indent=2)
    except TypeError as error:
        raise CheckpointError(f"the arguments can't be saved ({error}); give an activation by its name") from error
    model.segmenter.save_pretrained(folder, **claims)
    (folder / ARGUMENTS).write_text(arguments + "\n", encoding="utf-8")
    (folder / CLASSIFIER).unlink(missing_ok=True)
    if model.classification_head is not None:
        save_file(model.classification_head.state_dict(), folder / CLASSIFIER)


def upload(folder: Path, repo_id: str, **options: Any) -> str:
    """To the hub; see `segzoo.publishing.hub.upload`."""
    return hub.upload(folder, repo_id, others=(ARGUMENTS, CLASSIFIER), **options)


def load(
    kinds: Mapping[str, type[Model]],
    path_or_id: str | PathLike[str],
    *,
    strict: bool = True,
    revision: str | None = None,
    **changes: Any,
) -> Model:
    """Load a model in eval mode.

    :param kinds: the architectures that it may be of, by SMP's names.
    :param path_or_id: a folder that `save` or SMP wrote, or the hub id of one.
    :param strict: False lets weights of other shapes begin anew, with a warning.
    :param revision: of a hub id: a branch, tag or commit.
    :param changes: arguments to build with in place of those that were saved, such as `classes`.
    :raises CheckpointError: for what is none of these architectures, or whose weights don't fit.
    """
    folder = Path(path_or_id) if Path(path_or_id).exists() else hub.download(str(path_or_id), revision)
    own = (folder / ARGUMENTS).is_file()
    file = folder / (ARGUMENTS if own else "config.json")
    stated = read_json(file) if file.is_file() else {}
    kind = kinds.get(str(stated.get(KIND)))
    if kind is None:
        raise CheckpointError(
            f"{str(path_or_id)!r} holds no model of SMP's {' or '.join(kinds)}, but {stated.get(KIND, 'none')}; "
            "segzoo.from_pretrained loads segzoo's own"
        )
    arguments = {name: value for name, value in stated.items() if not name.startswith("_")}
    model = kind(**{**arguments, "encoder_weights": None, **changes})
    try:
        model.load_state_dict(_weights(folder, own), strict=strict)
    except RuntimeError as error:
        raise CheckpointError(
            f"the weights in {str(path_or_id)!r} don't fit: {error}. strict=False begins anew where shapes differ"
        ) from error
    config = find_config(folder)
    if config is not None:
        model.segmenter.preprocessing = config.preprocessing.preprocessing
        heads = model.segmenter.head.classes.heads
        model.segmenter.labels = {
            name: head.labels for name, head in config.heads.items() if head.names and head.classes == heads[name]
        }
    return model.eval()


def _weights(folder: Path, own: bool) -> dict[str, Tensor]:
    """By the names that `Model.load_state_dict` takes."""
    file = next((folder / name for name in WEIGHTS if (folder / name).is_file()), folder / WEIGHTS[0])
    weights = read_weights(file)
    if not own:
        return weights
    weights = {OWN + name: weight for name, weight in weights.items()}
    if (folder / CLASSIFIER).is_file():
        weights |= {CLASSIFICATION + name: weight for name, weight in read_weights(folder / CLASSIFIER).items()}
    return weights
