"""The targets by name."""

from __future__ import annotations

from segzoo.errors import UnknownNameError
from segzoo.exporting.onnx_target import ONNXTarget
from segzoo.exporting.openvino_target import OpenVINOTarget
from segzoo.exporting.target import Target
from segzoo.exporting.torch_targets import AOTITarget, TorchExportTarget

TARGETS: dict[str, type[Target]] = {
    each.name: each for each in (ONNXTarget, TorchExportTarget, AOTITarget, OpenVINOTarget)
}


def find_target(name: str) -> Target:
    """A target by its name.

    :raises UnknownNameError: when there is none of that name.
    """
    if name not in TARGETS:
        raise UnknownNameError(f"there is no target {name!r} to export to; there are {', '.join(TARGETS)}")
    return TARGETS[name]()
