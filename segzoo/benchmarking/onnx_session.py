"""A model in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from segzoo.exporting.exporting import export
from segzoo.model import SegmentationModel


def onnx_session(model: SegmentationModel, image: Tensor) -> Callable[[], Any]:
    """Export a model for images of one shape, and load it.

    :returns: what runs it once on the image, with as many threads as torch uses.
    """
    onnxruntime: Any = import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = torch.get_num_threads(), 1
    batch, _, height, width = image.shape
    with TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        export(model, path, size=(height, width), batch=batch, half=image.dtype == torch.float16)
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    fed = {given.name: image.float().numpy()}
    return lambda: session.run(None, fed)
