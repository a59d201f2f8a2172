"""Running an exported model without torch: NumPy, and ONNX Runtime or OpenVINO."""

from segzoo.runtime.manifest import Manifest as Manifest
from segzoo.runtime.segmenter import Segmenter as Segmenter
from segzoo.runtime.segmenter import load as load
from segzoo.runtime.sessions import OPENERS as OPENERS
from segzoo.runtime.sessions import open_artefact as open_artefact
