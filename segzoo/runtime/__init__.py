"""Running an exported model without torch: NumPy, and ONNX Runtime or OpenVINO."""

from segzoo.runtime.manifest import Manifest as Manifest
from segzoo.runtime.segmenter import Segmenter as Segmenter
from segzoo.runtime.segmenter import load as load
