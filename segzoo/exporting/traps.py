"""Operators that a runtime is known to compute otherwise, without an error: what a failed verification is traced to."""

from __future__ import annotations

from typing import Any

from torch.export import ExportedProgram

from segzoo.exporting.tracing import operators

RESIZED_BEFOREHAND = "export for one --size, for which the resize is computed beforehand"


def traps(program: ExportedProgram, target: str) -> list[str]:
    """What in a traced model the target is known to get wrong, each with the reason and what to do."""
    return sorted({why for name, arguments in operators(program) if (why := _why(name, arguments, target))})


def _why(name: str, arguments: tuple[Any, ...], target: str) -> str | None:
    if name.endswith("_aa") and target == "openvino":
        return f"{name}: OpenVINO ignores antialiasing; {RESIZED_BEFOREHAND}"
    if name == "torchvision.deform_conv2d" and target == "openvino":
        return f"{name}: OpenVINO has no rule for ONNX's deformable convolution; take --to onnx"
    if name == "aten.adaptive_max_pool2d" and target in ("onnx", "openvino"):
        return f"{name}: ONNX has no adaptive pooling; export for one --size"
    if name == "aten.adaptive_avg_pool2d" and list(arguments[1]) != [1, 1] and target != "torch-export":
        return (
            f"{name} to {list(arguments[1])}: its windows are those of the traced size in {target}; take "
            "segzoo.nn.average_over_grid, or export for one --size"
        )
    if name == "aten.avg_pool2d" and any(arguments[4:5]) and target == "openvino":
        return f"{name} with ceil_mode: OpenVINO divides the last windows by another count"
    return None
