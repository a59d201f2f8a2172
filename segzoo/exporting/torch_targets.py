"""torch's own artefacts: an exported program, and one that is compiled ahead of time."""

from __future__ import annotations

import io
from pathlib import Path
from shutil import which
from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn
from torch.export import ExportedProgram

from segzoo.errors import ExportError, MissingExtraError
from segzoo.exporting.target import Run, Target
from segzoo.exporting.tracing import Axes, innermost, quietly
from segzoo.runtime.manifest import Manifest

FILE = "segzoo.json"
"""The manifest inside of an exported program."""


class TorchExportTarget(Target):
    """`.pt2`, which `torch.export.load` reads; the manifest is one of its extra files."""

    name = "torch-export"
    suffix = ".pt2"

    def write(self, program: ExportedProgram, manifest: Manifest, axes: Axes, path: Path) -> None:
        buffer = io.BytesIO()  # torch's own writer tells a full disk by an error of no type
        with quietly():
            torch.export.save(program, buffer, extra_files={FILE: manifest.to_json()})
        path.write_bytes(buffer.getbuffer())

    def open(self, path: Path) -> Run:
        return _running(at_any_size(torch.export.load(path)))


class AOTITarget(Target):
    """`.pt2` with a compiled library for this kind of processor; the manifest is beside it, as `.pt2.json`."""

    name = "aoti"
    suffix = ".pt2"

    def check_installed(self, quantize: bool = False) -> None:
        super().check_installed(quantize)
        if not any(map(which, ("g++", "clang++", "c++"))):
            raise MissingExtraError("--to aoti compiles C++ and needs a compiler such as g++: install one")

    def files(self, path: Path) -> tuple[Path, ...]:
        return path, path.with_name(f"{path.name}.json")

    def write(self, program: ExportedProgram, manifest: Manifest, axes: Axes, path: Path) -> None:
        try:
            with quietly(), torch.no_grad():
                torch._inductor.aoti_compile_and_package(program, package_path=str(path))  # public, for all its name
        except OSError:
            raise
        except Exception as error:
            raise ExportError(f"torch can't compile the model ahead of time: {innermost(error)}") from error
        self.files(path)[1].write_text(manifest.to_json(), encoding="utf-8")

    def open(self, path: Path) -> Run:
        return _running(torch._inductor.aoti_load_package(str(path)))


def at_any_size(program: ExportedProgram) -> nn.Module:
    """A traced model that takes every size of its open axes.

    A trace notes what the example's sizes meant for the layout in memory: that a crop did cut something, or that a
    pooled map has more than one row, and so that the image has more than 64. Values don't depend on that.
    """
    program.range_constraints.clear()
    return program.module(check_guards=False)


def _running(module: Any) -> Run:
    def run(image: NDArray[Any]) -> list[NDArray[Any]]:
        with torch.no_grad():
            found = module(torch.from_numpy(image))
        return [each.numpy() for each in (found if isinstance(found, tuple | list) else [found])]

    return run
