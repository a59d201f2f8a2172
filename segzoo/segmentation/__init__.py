"""From a set of masks with their classes to what is asked: a class map, single objects, or both in one.

Masks are resized to the image and reduced strip by strip: they are never held at its size all at once.
"""

from segzoo.segmentation.frame import Frame as Frame
from segzoo.segmentation.instance import find_instances as find_instances
from segzoo.segmentation.panoptic import find_segments as find_segments
from segzoo.segmentation.results import Instances as Instances
from segzoo.segmentation.results import Panoptic as Panoptic
from segzoo.segmentation.results import Segment as Segment
from segzoo.segmentation.run_lengths import RunLengths as RunLengths
from segzoo.segmentation.run_lengths import runs_of_numbers as runs_of_numbers
from segzoo.segmentation.segmenting import Result as Result
from segzoo.segmentation.segmenting import check_task as check_task
from segzoo.segmentation.segmenting import frame_of as frame_of
from segzoo.segmentation.segmenting import segment as segment
from segzoo.segmentation.semantic import find_classes as find_classes
