"""A model in ONNX Runtime."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn


def onnx_session(model: nn.Module, image: Tensor) -> Callable[[], Any]:
    """Export a model for images of one shape, and load it.

    :returns: what runs it once on the image, with as many threads as torch uses.
    """
    onnxruntime: Any = import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = torch.get_num_threads(), 1
    with TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        with contextlib.redirect_stdout(None):
            exported = torch.export.export(model, (image,))
            program: Any = torch.onnx.export(exported, dynamo=True, verbose=False)
            program.save(path)
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    fed = {given.name: image.numpy()}
    return lambda: session.run(None, fed)
