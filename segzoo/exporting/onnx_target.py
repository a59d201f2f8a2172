"""ONNX, for ONNX Runtime and whatever else reads it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch.export import ExportedProgram

from segzoo.errors import ExportError
from segzoo.exporting.target import Run, Target
from segzoo.exporting.tracing import Axes, innermost, quietly
from segzoo.runtime.manifest import INPUT, KEY, Manifest
from segzoo.runtime.sessions import open_onnx

MOST_BYTES = 2**31 - 2**20
"""Of a protocol buffer, and so of an ONNX model in one file."""
QUANTIZED = ("Conv", "ConvTranspose", "MatMul", "Gemm", "Add", "Relu", "MaxPool", "Concat", "GlobalAveragePool")
"""Products, and what stands between them. The others are quick and lose most."""


class ONNXTarget(Target):
    """One file, the manifest in its metadata."""

    name = "onnx"
    suffix = ".onnx"
    modules = ("onnx", "onnxscript", "onnxruntime")
    quantiser = "onnxruntime"

    def write(self, program: ExportedProgram, manifest: Manifest, axes: Axes, path: Path) -> None:
        graph = to_onnx(program, manifest, axes)
        entry = graph.metadata_props.add()
        entry.key, entry.value = KEY, manifest.to_json()
        path.write_bytes(graph.SerializeToString())

    def quantize(self, path: Path, manifest: Manifest, images: Iterable[NDArray[Any]]) -> None:
        import onnx
        from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
        from onnxruntime.quantization.shape_inference import quant_pre_process

        class Reader(CalibrationDataReader):
            def __init__(self) -> None:
                self.images: Iterator[NDArray[Any]] = iter(images)

            def get_next(self) -> dict[str, NDArray[Any]] | None:
                image = next(self.images, None)
                return None if image is None else {INPUT: image}

        prepared = path.with_name("prepared.onnx")
        with quietly():
            quant_pre_process(path, prepared, skip_symbolic_shape=True)  # norms are folded, shapes inferred
            graph = onnx.load(prepared)
            quantize_static(
                graph,
                path,
                Reader(),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(QUANTIZED),
                per_channel=True,
                activation_type=QuantType.QUInt8,  # on x86 twice as fast as signed ones
            )
        prepared.unlink()
        written = onnx.load(path)
        if KEY not in {entry.key for entry in written.metadata_props}:
            entry = written.metadata_props.add()
            entry.key, entry.value = KEY, manifest.to_json()
            path.write_bytes(written.SerializeToString())

    def open(self, path: Path) -> Run:
        return open_onnx(path)[0]


def to_onnx(program: ExportedProgram, manifest: Manifest, axes: Axes) -> Any:
    """Convert, and call the open axes by their names.

    :returns: an `onnx.ModelProto`.
    :raises ExportError: when ONNX has no such operator, the model is too large, or an axis was tied to one size.
    """
    weights = {*program.state_dict.values(), *program.constants.values()}
    if sum(each.nbytes for each in weights if isinstance(each, torch.Tensor)) > MOST_BYTES:
        raise ExportError("an ONNX file holds 2 GiB, and the model's weights are more: --half, or --to torch-export")
    try:
        with quietly():
            converted = torch.onnx.export(
                program,
                dynamo=True,
                input_names=[INPUT],
                output_names=list(manifest.heads),
                external_data=False,
                verbose=False,
            )
            assert converted is not None
            graph = converted.model_proto
    except Exception as error:  # its errors wrap each other
        raise ExportError(f"the model can't be written as ONNX: {innermost(error)}") from error
    open_axes = axes.dynamic(manifest.normalises)
    sides = graph.graph.input[0].type.tensor_type.shape.dim
    tied = [name for axis, name in open_axes.items() if not sides[axis].dim_param]
    if tied:
        raise ExportError(f"{' and '.join(tied)} of the ONNX model are tied to one size")
    rename_sides(graph, {sides[axis].dim_param: name for axis, name in open_axes.items()})
    for output in graph.graph.output:
        found = {side.dim_param for side in output.type.tensor_type.shape.dim}
        if missing := [name for name in open_axes.values() if name not in found]:
            raise ExportError(f"{' and '.join(missing)} of the ONNX model's output {output.name} isn't the image's")
    return graph


def rename_sides(graph: Any, names: dict[str, str]) -> None:
    """Call symbolic sides by other names, also where they are part of an expression."""
    pattern = re.compile(r"\b(" + "|".join(map(re.escape, names)) + r")\b") if names else None
    for value in (*graph.graph.input, *graph.graph.output, *graph.graph.value_info):
        for side in value.type.tensor_type.shape.dim:
            if pattern and side.dim_param:
                side.dim_param = pattern.sub(lambda found: names[found[0]], side.dim_param)
