"""The matrix: which encoders work with which decoders, checked pair by pair on the meta device.

>>> matrix = segzoo.matrix.check_pairs(["resnet18", "mit_b0"], ["unet", "fpn"])  # doctest: +SKIP
>>> matrix.save_page("matrix.html")  # doctest: +SKIP
"""

from segzoo.matrix.checking import check_pairs as check_pairs
from segzoo.matrix.families import smallest_of_each_family as smallest_of_each_family
from segzoo.matrix.results import Checked as Checked
from segzoo.matrix.results import Fallback as Fallback
from segzoo.matrix.results import Matrix as Matrix
from segzoo.matrix.results import Pair as Pair
