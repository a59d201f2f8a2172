import re
from pathlib import Path

import numpy as np
import torch
from brightest import noise
from PIL import Image

import segzoo
from segzoo.labels import Labels
from segzoo.preprocessing import Preprocessing

PAGE = (Path(__file__).parents[2] / "docs" / "predicting.md").read_text()


def test_the_page_s_own_runtime_predicts_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("scenes").mkdir()
    Image.fromarray(noise(40, 50)).save("scenes/a.png")
    (code,) = (code for code in re.findall(r"```python\n(.*?)```", PAGE, re.S) if "session" in code)
    known = {
        "Path": Path,
        "session": lambda tiles: [np.zeros((tiles.shape[0], 19, *tiles.shape[-2:]), np.float32)],
        "preprocessing": Preprocessing(),
        "labels": Labels(),
    }
    exec(code, known)
    assert list(known["outcome"].done) == ["scenes/a.png"]
    assert Path("found/a.overlay.png").exists()


def test_the_page_s_calls_are_ones_that_predict_takes():
    (code,) = (code for code in re.findall(r"```python\n(.*?)```", PAGE, re.S) if "model.predict" in code)
    known = {"model": segzoo.create_model("test_resnet", "linear", classes=4), "image": torch.rand(3, 40, 50)}
    exec(code, known)
    assert known["probabilities"].shape == (4, 40, 50)
    assert known["classes"].shape == (40, 50)
