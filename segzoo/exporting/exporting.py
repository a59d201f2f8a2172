"""Exporting: trace, write, verify in the artefact's own runtime, and only then let it appear."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path

import torch
from torch.export import ExportedProgram
from tqdm import tqdm

from segzoo import __version__
from segzoo.errors import CheckpointError, ExportError, OptionError, SegzooError
from segzoo.exporting.calibration import calibration_inputs, calibration_pictures
from segzoo.exporting.deployed import Deployed
from segzoo.exporting.exported import Exported
from segzoo.exporting.placing import beside, check_path, place
from segzoo.exporting.target import Target
from segzoo.exporting.targets import find_target
from segzoo.exporting.tracing import Axes, innermost, trace, traced_size
from segzoo.exporting.traps import traps
from segzoo.exporting.verification import shapes, verify
from segzoo.inference.optimize import optimize
from segzoo.labels import Labels
from segzoo.model import SegmentationModel
from segzoo.runtime.manifest import Manifest


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
    :param with_preprocessing: whether it takes pictures as they are, uint8 (B, H, W, C), and normalises them itself;
        float32 where its statistics are of raw bands.
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
    check_path(file, target, force)
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
        tqdm(total=3 + bool(pictures) + len(checks), desc="tracing", unit="step", leave=False, disable=None) as steps,
        beside(file) as folder,
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
            with _quantizing(target):
                target.quantize(artefact, manifest, inputs)
        _step(steps, "verifying")
        verified = []
        with _explained(program, to):
            run = target.open(artefact)
            for shape in checks:
                verified.append(verify(run, reference, deployed, shape))
                steps.update()
        del run  # which may keep the file open
        place(folder, file)
    return Exported(file, manifest, traced, tuple(verified))


def describe(
    model: SegmentationModel, to: str, axes: Axes, precision: str, normalises: bool, classifies: bool
) -> Manifest:
    """What an artefact of a model says about itself."""
    plan = model.plan
    parts = {"encoder": plan.encoder, "neck": plan.neck, "decoder": plan.decoder, "inner": plan.inner}
    heads = dict(model.head.classes.heads)
    return Manifest(
        target=to,
        heads=heads,
        labels={name: model.labels.get(name, Labels()) for name in heads},
        preprocessing=model.preprocessing,
        normalises=normalises,
        classifies=classifies,
        batch=axes.batch,
        size=axes.size,
        minimum=max(1, plan.input_spec.minimum),
        grid=model.grid,
        precision=precision,
        parts={kind: part.id for kind, part in parts.items() if part is not None},
        version=__version__,
    )


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
def _quantizing(target: Target) -> Iterator[None]:
    """Tell a failure of the quantiser as one; a picture's and a disk's have their own types."""
    try:
        yield
    except (SegzooError, OSError):
        raise
    except Exception as error:
        raise ExportError(f"{target.quantiser} can't quantise the model: {innermost(error)}") from error


@contextmanager
def _explained(program: ExportedProgram, to: str) -> Iterator[None]:
    """Add to a failure which operators the target is known to get wrong."""
    try:
        yield
    except (ExportError, CheckpointError) as error:  # the latter where its own runtime can't read it
        found = traps(program, to)
        raise ExportError(f"{error}. In the model: {'; '.join(found)}" if found else str(error)) from error
