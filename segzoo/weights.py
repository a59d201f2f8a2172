"""Reading files of weights, never running what they contain."""

from __future__ import annotations

import pickle
from collections.abc import Collection, Mapping
from os import PathLike
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from segzoo.errors import CheckpointError

HOLDERS = ("state_dict_ema", "model_ema", "state_dict", "model", "teacher")
"""Under which training programs put the weights; averaged ones come first, as in timm."""
WRAPPERS = ("module", "_orig_mod", "model", "backbone", "encoder", "body")
"""Modules that DDP, torch.compile, Lightning and larger models put around a model."""
STATISTICS = ("mean", "std")
"""Of the images, which training programs save beside the weights."""


def read_weights(path: str | PathLike[str]) -> dict[str, Tensor]:
    """The tensors of a local file by name, on the CPU.

    :param path: a `.safetensors` file, or one that `torch.save` wrote (`.pth`, `.pt`, `.bin`), which is read without
        unpickling anything but tensors. Of a training program's file the averaged weights are taken, if it has any.
    :raises CheckpointError: when there is no such file, or it can't be read as weights.
    """
    file = Path(path)
    if not file.is_file():
        raise CheckpointError(f"no file of weights at {str(path)!r}; give the path of a .safetensors or .pth file")
    try:
        if file.suffix == ".safetensors":
            return safetensors.torch.load_file(file)
        content = torch.load(file, map_location="cpu", weights_only=True)
    except (safetensors.SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError, OSError) as error:
        raise CheckpointError(
            f"{str(path)!r} can't be read as weights ({error}); expected a .safetensors file, or a state dict that "
            "torch.save wrote"
        ) from error
    while isinstance(content, dict) and (
        holder := next((each for each in HOLDERS if isinstance(content.get(each), dict)), None)
    ):
        content = content[holder]
    if not isinstance(content, dict):
        raise CheckpointError(f"{str(path)!r} holds a {type(content).__name__}; expected a state dict: tensors by name")
    weights = {name: value for name, value in content.items() if isinstance(value, Tensor)}
    if not weights:
        raise CheckpointError(f"{str(path)!r} holds no tensors; expected a state dict: tensors by name")
    return weights


def unwrap_weights(weights: Mapping[str, Tensor], roots: Collection[str], prefix: str = "") -> dict[str, Tensor]:
    """A training program's weights by the model's own names.

    :param roots: the first components of these names; what the program put before them goes, on some names or all, and
        so do the images' `mean` and `std`. Other names stay as they are.
    :param prefix: before the names that are meant, where none of the usual ones; all others are left out.
    :raises CheckpointError: when no name begins with the prefix, or two weights come to the same name.

    >>> import torch
    >>> list(unwrap_weights({"model.stem.weight": torch.zeros(1), "mean": torch.zeros(3)}, {"stem"}))
    ['stem.weight']
    """
    if prefix:
        before = prefix.removesuffix(".") + "."
        meant = {name.removeprefix(before): weight for name, weight in weights.items() if name.startswith(before)}
        if not meant:
            raise CheckpointError(f"no weight's name begins with {before!r}, but such as {next(iter(weights))!r} do")
        weights = meant
    result: dict[str, Tensor] = {}
    for name, weight in weights.items():
        if name in STATISTICS and name not in roots:
            continue
        bare = unwrapped(name, roots)
        if bare in result:
            raise CheckpointError(
                f"the weights hold {bare!r} twice, once as {name!r}; give the prefix of those that are meant"
            )
        result[bare] = weight
    return result


def unwrapped(name: str, roots: Collection[str]) -> str:
    """A name from its root on; as it is where it has none."""
    first, _, rest = bare = name.partition(".")
    while first not in roots:
        if first not in WRAPPERS or not rest:
            return name
        first, _, rest = bare = rest.partition(".")
    return "".join(bare)
