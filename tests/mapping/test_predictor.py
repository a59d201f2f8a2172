import numpy as np
import pytest
from brightest import COLOURS, NAMES, noise, task, truth
from PIL import Image

from segzoo.errors import OptionError
from segzoo.labels import Labels
from segzoo.mapping import Predictor, predict_files
from segzoo.prediction import Tiling
from segzoo.preprocessing import Preprocessing
from segzoo.runtime import Manifest


def described(**changes):
    plain = {
        "target": "onnx", "heads": {"logits": 3}, "labels": {}, "parts": {}, "version": "0",
        "preprocessing": Preprocessing((0.0,) * 3, (1.0,) * 3), "grid": 8,
    }  # fmt: skip
    return Manifest(**{**plain, **changes})


@pytest.mark.parametrize("size", [None, (64, 64)])
def test_an_exported_artefact_predicts_files(tmp_path, size):
    seen = []

    def session(tiles):
        seen.append(tiles.shape)
        return [10 * tiles]

    Image.fromarray(noise(150, 233)).save(tmp_path / "a.png")
    predictor = Predictor.exported(session, described(size=size))
    predict_files(predictor, [str(tmp_path / "a.png")], tmp_path / "out", task(Tiling(64, 8, 8, 8)))
    np.testing.assert_array_equal(np.array(Image.open(tmp_path / "out" / "a.png")), truth(noise(150, 233)))
    assert not size or set(seen) == {(1, 3, 64, 64)}


def test_its_heads_have_their_names_and_labels():
    labels = Labels(NAMES, COLOURS)
    predictor = Predictor.exported(lambda tiles: [], described(heads={"mask": 3, "edge": 1}, labels={"mask": labels}))
    assert predictor.heads["mask"].labels == labels
    assert predictor.heads["edge"].count == 1
    assert list(Predictor.exported(lambda tiles: [], described()).heads) == [""]


@pytest.mark.parametrize(
    ("changes", "told"), [({"normalises": True}, "normalises by itself"), ({"classifies": True}, "gives classes")]
)
def test_an_artefact_whose_tiles_cannot_be_blended_is_refused(changes, told):
    with pytest.raises(OptionError, match=f"{told}; export it again"):
        Predictor.exported(lambda tiles: [], described(**changes))
