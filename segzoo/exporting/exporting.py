"""Exporting: trace, write, verify in the artefact's own runtime, and only then let it appear."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch.export import ExportedProgram
from tqdm import tqdm

from segzoo import __version__
from segzoo.errors import CheckpointError, ExportError, OptionError
from segzoo.exporting.calibration import calibration_inputs, calibration_pictures
from segzoo.exporting.deployed import Deployed
from segzoo.exporting.target import Target
from segzoo.exporting.targets import find_target
from segzoo.exporting.tracing import Axes, trace, traced_size
from segzoo.exporting.traps import traps
from segzoo.exporting.verification import Verified, shapes, verify
from segzoo.inference.optimize import optimize
from segzoo.labels import Labels
from segzoo.model import SegmentationModel
from segzoo.runtime.manifest import Manifest


@dataclass(frozen=True)
class Exported:
    """What `export` wrote.

    :param path: the artefact.
    :param manifest: what it says about itself, to `segzoo.runtime` among others.
    :param traced: the height and width of the example that it was traced with; none of `verified` where sizes are open.
    :param verified: the inputs that it was run with in its own runtime, and how much it differed from the model.
    """

    path: Path
    manifest: Manifest
    traced: tuple[int, int]
    verified: tuple[Verified, ...]

    @property
    def difference(self) -> float:
        """The largest difference from the model, as a part of the largest logit."""
        return max(each.difference for each in self.verified)

    def __str__(self) -> str:
        sizes = ", ".join("{}x{}x{}".format(*each.shape) for each in self.verified)
        return (
            f"{self.path}: right within {self.difference:.0e} of the largest logit at {sizes} (batch x height x width)"
        )


def export(
    model: SegmentationModel,
    path: str | PathLike[str],
    to: str = "onnx",
    *,
    size: tuple[int, int] | None = None,
    batch: int | None = None,
    with_preprocessing: bool = False,
    classes: bool = False,
    half: bool = False,
    calibration: str | PathLike[str] | None = None,
    force: bool = False,
) -> Exported:
    """Write a model for another runtime, after it was run there and gave what the model gives.

    Its batch norms are folded first, as `segzoo.optimize` does it. Input `image`: normalised float32 (B, C, H, W), of
    any batch and size. Outputs: one for each head, `logits` where they have no names, float32 (B, classes, H, W).

    :param path: the file; `.onnx`, `.pt2` for torch-export and aoti, `.xml` for openvino.
    :param to: `onnx`, `torch-export`, `aoti` (compiled ahead of time, for this kind of processor) or `openvino`.
    :param size: the only (height, width) that it takes; None: any.
    :param batch: the only batch that it takes; None: any.
    :param with_preprocessing: whether it takes pictures as they are, uint8 (B, H, W, C), and normalises them itself.
    :param classes: whether it gives the class of each pixel, (B, H, W) of uint8, or int32 for more than 256 classes.
    :param half: whether it computes in float16.
    :param calibration: a folder of pictures, with which the runtime's own quantiser makes it compute in int8.
    :param force: whether to replace a file that is there.
    :raises UnknownNameError: for another target.
    :raises OptionError: for a path with another ending, one that is there, or one that can't be written; for `half` and
        `calibration` at once; and for `calibration` where the target has no quantiser.
    :raises MissingExtraError: without the target's libraries.
    :raises InputError: for a size that the encoder can't take.
    :raises DataError: for a calibration folder without pictures, or a picture in it that can't be read.
    :raises ExportError: for what can't be exported, and what computes something else once it is. No file appears then.
    """
    target, file, axes = find_target(to), Path(path), Axes(batch, size)
    _check_path(file, target, force)
    if half and calibration is not None:
        raise OptionError("half and calibration are two precisions, float16 and int8: give one")
    if (batch is not None and batch < 1) or (size is not None and min(size) < 1):
        raise OptionError(f"batch and size are 1 or more, got batch={batch}, size={size}")
    target.check_installed(quantize=calibration is not None)
    if next(model.parameters()).is_meta:
        raise CheckpointError("a model on the meta device has no weights to export: build it on another device")
    pictures = calibration_pictures(calibration) if calibration is not None else []
    traced = traced_size(model.plan, axes)
    precision = "float16" if half else "int8" if pictures else "float32"
    manifest = describe(model, to, axes, precision, with_preprocessing, classes)
    checks = shapes(model.plan, axes)
    reference = _on_cpu(model)
    with (
        tqdm(total=3 + bool(pictures) + len(checks), desc="tracing", unit="step", delay=2, leave=False) as steps,
        _beside(file) as folder,
    ):
        optimized = optimize(reference)
        deployed = Deployed(optimized.half() if half else optimized, manifest).eval()
        steps.update()
        program = trace(deployed, axes, traced)
        _step(steps, f"writing {to}")
        artefact = folder / file.name
        with _explained(program, to):
            target.write(program, manifest, axes, artefact)
        if pictures:
            _step(steps, f"calibrating with {len(pictures)} pictures")
            inputs = calibration_inputs(pictures, manifest, axes, model.plan.input_spec.minimum)
            target.quantize(artefact, manifest, inputs)
        _step(steps, "verifying")
        verified = []
        with _explained(program, to):
            run = target.open(artefact)
            for shape in checks:
                verified.append(verify(run, reference, deployed, shape))
                steps.update()
        del run  # which may keep the file open
        _place(folder, file)
    return Exported(file, manifest, traced, tuple(verified))


def describe(
    model: SegmentationModel, to: str, axes: Axes, precision: str, normalises: bool, classifies: bool
) -> Manifest:
    """What an artefact of a model says about itself."""
    plan = model.plan
    parts = {"encoder": plan.encoder, "neck": plan.neck, "decoder": plan.decoder}
    heads = dict(model.head.classes.heads)
    return Manifest(
        target=to,
        heads=heads,
        labels={name: model.labels.get(name, Labels()) for name in heads},
        preprocessing=model.preprocessing,
        normalises=normalises,
        classifies=classifies,
        size=axes.size,
        minimum=max(1, plan.input_spec.minimum),
        precision=precision,
        parts={kind: part.id for kind, part in parts.items() if part is not None},
        version=__version__,
    )


def _check_path(file: Path, target: Target, force: bool) -> None:
    if file.suffix != target.suffix:
        raise OptionError(f"what is exported to {target.name} ends in {target.suffix}, got {str(file)!r}")
    if file.is_dir():
        raise OptionError(f"can't write to {file}: it is a folder; give the name of a file")
    if file.exists() and not force:
        raise OptionError(f"{file} is there already: give another name, or --force (force=True) to replace it")


def _on_cpu(model: SegmentationModel) -> SegmentationModel:
    """The model itself where it is on the CPU in float32, else a copy that is."""
    tensors = [each for each in (*model.parameters(), *model.buffers()) if each.is_floating_point()]
    if all(each.device.type == "cpu" and each.dtype == torch.float32 for each in tensors):
        return model
    return copy.deepcopy(model).to("cpu", torch.float32)


def _step(steps: tqdm, what: str) -> None:
    steps.update()
    steps.set_description(what)


@contextmanager
def _beside(file: Path) -> Iterator[Path]:
    """A folder on the disk of the file, gone afterwards whatever happens.

    :raises OptionError: when it can't be written to, such as on a full disk.
    """
    try:
        with TemporaryDirectory(dir=file.parent, prefix=f".{file.name}.") as folder:
            yield Path(folder)
    except OSError as error:
        raise OptionError(f"can't write to {file}: {error.strerror or error}; give another file") from error


def _place(folder: Path, file: Path) -> None:
    """Give the files their final names, the artefact itself last."""
    for each in sorted(folder.iterdir(), key=lambda written: written.name == file.name):
        os.replace(each, file.parent / each.name)


@contextmanager
def _explained(program: ExportedProgram, to: str) -> Iterator[None]:
    """Add to a failure which operators the target is known to get wrong."""
    try:
        yield
    except ExportError as error:
        found = traps(program, to)
        if not found:
            raise
        raise ExportError(f"{error}. In the model: {'; '.join(found)}") from error
