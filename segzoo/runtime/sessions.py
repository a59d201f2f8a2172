"""Opening an artefact in ONNX Runtime or OpenVINO: an array in, a list of arrays out."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segzoo.errors import CheckpointError, MissingExtraError, OptionError
from segzoo.runtime.manifest import INPUT, KEY, Manifest

Session = Callable[[NDArray[Any]], list[NDArray[Any]]]


def open_onnx(path: Path, threads: int | None = None) -> tuple[Session, Manifest]:
    """Open an ONNX model in ONNX Runtime, on the CPU.

    :param threads: processor cores to use; None: all.
    :raises MissingExtraError: without ONNX Runtime.
    :raises CheckpointError: when it can't be read, or segzoo didn't write it.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError(f"{path} needs ONNX Runtime ({error}): pip install onnxruntime") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no public base class
        raise CheckpointError(f"ONNX Runtime can't read {path}: {error}") from error
    text = session.get_modelmeta().custom_metadata_map.get(KEY)
    return lambda image: session.run(None, {INPUT: image}), _manifest(text, path)


def open_openvino(path: Path, threads: int | None = None) -> tuple[Session, Manifest]:
    """Open an OpenVINO model, on the CPU.

    :param threads: processor cores to use; None: all.
    :raises MissingExtraError: without OpenVINO.
    :raises CheckpointError: when it can't be read, or segzoo didn't write it.
    """
    try:
        import openvino
    except ImportError as error:
        raise MissingExtraError(f"{path} needs OpenVINO ({error}): pip install openvino") from error
    try:
        model = openvino.Core().read_model(path)
        text = model.get_rt_info([KEY]).astype(str) if model.has_rt_info([KEY]) else None
        threading = {"INFERENCE_NUM_THREADS": threads} if threads else {}
        # float32 stays float32, also on processors that could do less.
        compiled = openvino.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32", **threading})
    except RuntimeError as error:
        raise CheckpointError(f"OpenVINO can't read {path}: {error}") from error
    request = compiled.create_infer_request()

    def run(image: NDArray[Any]) -> list[NDArray[Any]]:
        found = request.infer({INPUT: image})
        return [np.array(found[output]) for output in compiled.outputs]  # the next call writes over them

    return run, _manifest(text, path)


OPENERS = {".onnx": open_onnx, ".xml": open_openvino}
"""By the ending of the file."""


def open_artefact(path: str | PathLike[str], threads: int | None = None) -> tuple[Session, Manifest]:
    """Open what `segzoo export` wrote in the runtime that it is for.

    :param path: an ONNX file (`.onnx`) or an OpenVINO one (`.xml`).
    :param threads: processor cores to use; None: all.
    :returns: what runs it, and what it says about itself.
    :raises CheckpointError: when there is no such file, or it can't be read, or isn't segzoo's.
    :raises MissingExtraError: without the library that runs it.
    :raises OptionError: when it was exported for a batch of more than one.
    """
    file = Path(path)
    if file.suffix not in OPENERS:
        raise CheckpointError(
            f"{file} is no {' or '.join(OPENERS)} file; what was exported to torch-export or aoti is run by torch"
        )
    if not file.is_file():
        raise CheckpointError(f"there is no file {file}")
    session, manifest = OPENERS[file.suffix](file, threads)
    if manifest.batch not in (None, 1):
        raise OptionError(
            f"{file} takes {manifest.batch} images at once, and one picture after the other is what is run here: "
            "export it without --batch"
        )
    return session, manifest


def _manifest(text: str | None, path: Path) -> Manifest:
    if text is None:
        raise CheckpointError(f"{path} has no metadata of segzoo's: export it with `segzoo export`")
    return Manifest.from_json(text, path)
