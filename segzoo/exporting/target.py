"""A target: the runtime that an artefact is for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from numpy.typing import NDArray
from torch.export import ExportedProgram

from segzoo.errors import MissingExtraError, OptionError
from segzoo.exporting.tracing import Axes
from segzoo.runtime.manifest import Manifest

Run = Callable[[NDArray[Any]], list[NDArray[Any]]]


class Target(ABC):
    """Writes a traced model as an artefact, and runs one. All are by file: what is verified is what was written."""

    name: ClassVar[str]
    suffix: ClassVar[str]
    modules: ClassVar[tuple[str, ...]] = ()
    """What it needs besides torch, as it is imported."""
    extra: ClassVar[str] = "export"
    """What installs that."""
    quantiser: ClassVar[str | None] = None
    """The library that brings a model to int8; None where the runtime has none."""

    def check_installed(self, quantize: bool = False) -> None:
        """See that its libraries are there.

        :param quantize: whether its quantiser is needed too.
        :raises MissingExtraError: when they aren't.
        :raises OptionError: when it has no quantiser.
        """
        if quantize and self.quantiser is None:
            raise OptionError(f"int8 is for onnx and openvino, whose runtimes quantise; {self.name} has no such step")
        modules = (*self.modules, *([self.quantiser] if quantize and self.quantiser else []))
        missing = [module for module in modules if find_spec(module) is None]
        if missing:
            raise MissingExtraError(
                f'--to {self.name} needs {" and ".join(missing)}: pip install "segzoo-torch[{self.extra}]"'
            )

    def files(self, path: Path) -> tuple[Path, ...]:
        """All files of an artefact, its own first."""
        return (path,)

    @abstractmethod
    def write(self, program: ExportedProgram, manifest: Manifest, axes: Axes, path: Path) -> None:
        """Write the artefact: its `files`.

        :raises ExportError: when the target can't express an operator.
        """

    def quantize(self, path: Path, manifest: Manifest, images: Iterable[NDArray[Any]]) -> None:
        """Replace an artefact by one in int8, by the runtime's own quantiser.

        :param images: inputs of the artefact, of one picture each.
        """
        raise NotImplementedError(f"{self.name} has no quantiser")

    @abstractmethod
    def open(self, path: Path) -> Run:
        """Open an artefact in its own runtime."""
