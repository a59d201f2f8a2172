"""OpenVINO, by way of ONNX: torch's programs lose operators on the direct way."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from torch.export import ExportedProgram

from segzoo.errors import ExportError
from segzoo.exporting.onnx_target import to_onnx
from segzoo.exporting.target import Run, Target
from segzoo.exporting.tracing import Axes, innermost, quietly
from segzoo.runtime.manifest import KEY, Manifest
from segzoo.runtime.sessions import open_openvino


class OpenVINOTarget(Target):
    """`.xml` with its `.bin` beside it, the manifest among its runtime information."""

    name = "openvino"
    suffix = ".xml"
    modules = ("onnx", "onnxscript", "onnxruntime", "openvino")
    extra = "openvino"
    quantiser = "nncf"

    def files(self, path: Path) -> tuple[Path, ...]:
        return path, path.with_suffix(".bin")

    def write(self, program: ExportedProgram, manifest: Manifest, axes: Axes, path: Path) -> None:
        import openvino

        between, folded = path.with_name("between.onnx"), path.with_name("folded.onnx")
        between.write_bytes(to_onnx(program, manifest, axes).SerializeToString())
        try:
            fold_constants(between, folded)
            with quietly():
                model = openvino.convert_model(folded)
                model.set_rt_info(manifest.to_json(), [KEY])
                openvino.save_model(model, path, compress_to_fp16=manifest.precision == "float16")
        except Exception as error:  # of any kind, on a full disk too
            raise ExportError(f"OpenVINO can't take the model: {innermost(error)}") from error
        finally:
            between.unlink()
            folded.unlink(missing_ok=True)

    def quantize(self, path: Path, manifest: Manifest, images: Iterable[NDArray[Any]]) -> None:
        import nncf
        import openvino

        samples = list(images)
        with quietly():
            model = openvino.Core().read_model(path)
            quantized = nncf.quantize(model, nncf.Dataset(samples), subset_size=len(samples))
            quantized.set_rt_info(manifest.to_json(), [KEY])
            small = path.with_name(f"int8{path.suffix}")
            openvino.save_model(quantized, small, compress_to_fp16=False)
            del model  # it keeps the weights' file open
        for written, final in zip(self.files(small), self.files(path), strict=True):
            written.replace(final)

    def open(self, path: Path) -> Run:
        return open_openvino(path)[0]


def fold_constants(path: Path, folded: Path) -> None:
    """Compute beforehand, in ONNX Runtime, what no input has a part in.

    For one size that is a transformer's position embedding, whose antialiased resize OpenVINO would get wrong.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(folded)
    options.log_severity_level = 3
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
