"""`model.safetensors`: written, and read once its header is known to fit the model."""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from segzoo.errors import CheckpointError

NAME = "model.safetensors"
MOST_HEADER_BYTES = 16 * 2**20
"""About a hundred times what the largest models have."""
FLOATS = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
OTHERS = {
    **{"I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8},
    **{"U8": torch.uint8, "BOOL": torch.bool},
}
_SHOWN = 5


@dataclass(frozen=True)
class Entry:
    """One tensor, as the header describes it."""

    dtype: torch.dtype
    shape: tuple[int, ...]


def write_tensors(file: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors; one that has several names is written under each of them.

    :raises OSError: when there is no room.
    :raises CheckpointError: for what the format can't hold.
    """
    seen: set[int] = set()
    plain = {}
    for name, tensor in tensors.items():
        own = tensor.detach().cpu().contiguous()
        storage = own.untyped_storage().data_ptr()
        plain[name] = own.clone() if storage in seen else own  # the format has no notion of shared memory
        seen.add(storage)
    try:
        safetensors.torch.save_file(plain, file, metadata={"format": "pt"})
    except (safetensors.SafetensorError, ValueError) as error:
        raise CheckpointError(f"{file.name} can't be written: {error}") from error


def read_header(file: Path) -> dict[str, Entry]:
    """The tensors that a file holds, as its header describes them; no tensor is read.

    :raises CheckpointError: when it is missing, damaged or no safetensors file.
    """
    if not file.is_file():
        raise CheckpointError(f"{str(file.parent)!r} has no {file.name}")
    try:
        with file.open("rb") as stream:
            start = stream.read(8)
        if len(start) == 8 and struct.unpack("<Q", start)[0] > MOST_HEADER_BYTES:
            raise CheckpointError(
                f"{str(file)!r} is no safetensors file: its header would be larger than {MOST_HEADER_BYTES} bytes"
            )
        with safetensors.safe_open(file, framework="pt") as content:
            slices = {name: content.get_slice(name) for name in content.keys()}  # noqa: SIM118
            return {name: _entry(file, name, each.get_dtype(), each.get_shape()) for name, each in slices.items()}
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{str(file)!r} is no safetensors file, or damaged: {error}") from error


def check_header(header: Mapping[str, Entry], model: nn.Module, who: str) -> None:
    """Check that a header has the names, shapes and types of a model, before anything is allocated.

    :param model: on the meta device.
    :raises CheckpointError: naming what differs.
    """
    expected = model.state_dict()
    check_shapes(
        {name: entry.shape for name, entry in header.items()},
        {name: tuple(tensor.shape) for name, tensor in expected.items()},
        who,
    )
    wrong = [
        f"{name}: {header[name].dtype} in place of {tensor.dtype}"
        for name, tensor in expected.items()
        if header[name].dtype != tensor.dtype
        and not (header[name].dtype.is_floating_point and tensor.dtype.is_floating_point)
    ]
    if wrong:
        raise CheckpointError(f"{who}: other types than the model has: {_some(wrong)}")


def check_shapes(given: Mapping[str, tuple[int, ...]], expected: Mapping[str, tuple[int, ...]], who: str) -> None:
    """Check names and shapes of weights against those of a model.

    :raises CheckpointError: naming the weights that are missing, unexpected or of another shape.
    """
    problems = {
        "missing": [name for name in expected if name not in given],
        "unexpected": [name for name in given if name not in expected],
        "of another shape": [
            f"{name} {given[name]} in place of {shape}"
            for name, shape in expected.items()
            if name in given and given[name] != shape
        ],
    }
    if any(problems.values()):
        said = "; ".join(f"{what}: {_some(names)}" for what, names in problems.items() if names)
        raise CheckpointError(f"{who}: the weights don't fit the model; {said}")


def fill(model: nn.Module, tensors: Mapping[str, Tensor], left_out: Collection[str] = ()) -> None:
    """Copy weights into a model. Their names and shapes are known to fit.

    :param left_out: names of weights that stay as the model has them.
    """
    model.load_state_dict({name: tensor for name, tensor in tensors.items() if name not in left_out}, strict=False)


def adopt_types(model: nn.Module, header: Mapping[str, Entry]) -> None:
    """Give a model the floating-point types of a file."""
    types = {entry.dtype for entry in header.values() if entry.dtype.is_floating_point}
    if len(types) == 1:
        model.to(types.pop())  # buffers that aren't saved too
        return
    for name, tensor in model.state_dict(keep_vars=True).items():
        tensor.data = tensor.data.to(header[name].dtype)


def _entry(file: Path, name: str, dtype: str, shape: list[int]) -> Entry:
    known = {**FLOATS, **OTHERS}
    if dtype not in known:
        raise CheckpointError(f"{str(file)!r}: {name} is of type {dtype}; known are {', '.join(known)}")
    return Entry(known[dtype], tuple(shape))


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
