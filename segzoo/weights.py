"""Reading files of weights, never running what they contain."""

from __future__ import annotations

import pickle
from os import PathLike
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from segzoo.errors import CheckpointError

_WRAPPERS = ("state_dict", "model")  # under which training programs put the weights


def read_weights(path: str | PathLike[str]) -> dict[str, Tensor]:
    """The tensors of a local file by name, on the CPU.

    :param path: a `.safetensors` file, or one that `torch.save` wrote (`.pth`, `.pt`, `.bin`), which is read without
        unpickling anything but tensors.
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
    for wrapper in _WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict):
        raise CheckpointError(f"{str(path)!r} holds a {type(content).__name__}; expected a state dict: tensors by name")
    weights = {name: value for name, value in content.items() if isinstance(value, Tensor)}
    if not weights:
        raise CheckpointError(f"{str(path)!r} holds no tensors; expected a state dict: tensors by name")
    return weights
