import runpy
from pathlib import Path

import pytest

from segzoo.demo import PairName, train_pair
from segzoo.demo.dataset import ScenesDataset
from segzoo.prediction import Tiling

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "seams.py"


@pytest.mark.slow
def test_a_trained_model_errs_no_more_where_tiles_meet_than_elsewhere():
    seams = runpy.run_path(str(SCRIPT))
    model = train_pair(PairName("test_resnet", "fpn"), ScenesDataset(100 * 16, 16), 100, None, 0, True).model
    found = seams["measure"](model, {"no margin": Tiling(128, 0, 0), "default": Tiling(128)}, pictures=2, across=6)
    changed, more_wrong = found["default"]
    assert changed.near < 1.25 * changed.away
    assert more_wrong.near < more_wrong.away + 0.005
    assert found["no margin"][0].near > 3 * found["no margin"][0].away
