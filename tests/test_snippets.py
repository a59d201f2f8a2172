"""The Python that pages show runs; that of training, data, the tutorial and some others has tests of its own."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import segmentation_models_pytorch as smp
import torch
from torch.nn import functional as F

import segzoo
from segzoo.nn import ConcatConv2d, Linear2d

DOCS = Path(__file__).parent.parent / "docs"
WHOLE = [
    "mixing",
    "sharing",
    "faq",
    "migrating_from_smp",
    "migrating_from_mmsegmentation",
    "migrating_from_transformers",
]


def blocks(page):
    return re.findall(r"^```python\n(.*?)^```", (DOCS / f"{page}.md").read_text(), re.DOTALL | re.MULTILINE)


def run(code, **names):
    exec(compile("".join(code), "snippet", "exec"), names)
    return names


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("page", WHOLE)
@pytest.mark.filterwarnings("ignore::UserWarning:segzoo")  # a classifier that starts anew says so
def test_a_page_runs_from_top_to_bottom(page):
    run(blocks(page))


def test_both_sides_of_smp_s_page_give_the_same_scores():
    snippets = blocks("migrating_from_smp")
    theirs, ours = (next(block for block in snippets if call in block) for call in ("iou_score", "metrics.compute"))
    logits, mask = torch.randn(2, 3, 96, 128), torch.randint(3, (2, 96, 128))
    names = {"smp": smp, "torch": torch, "segzoo": segzoo, "logits": logits, "mask": mask}
    fixed = [re.sub(r"^(mask|logits) = .*\n", "", block, flags=re.MULTILINE) for block in (theirs, ours)]
    after_theirs, after_ours = (run(block, **names) for block in fixed)
    assert after_ours["loss"].item() == pytest.approx(after_theirs["loss"].item(), rel=1e-4)


def test_the_settings_of_mmsegmentation_s_page_are_those_that_train_takes():
    settings = run(blocks("migrating_from_mmsegmentation"))["settings"]
    assert (settings.crop, settings.schedule, settings.steps) == ((512, 512), "poly", 160000)


def test_the_pair_of_the_page_on_negotiation_is_refused():
    with pytest.raises(segzoo.NegotiationError, match="class token"):
        run(blocks("negotiation"))


def test_the_operator_is_what_its_page_says():
    written, linears, _ = blocks("operator")
    maps, size, kernel = [torch.rand(1, 2, 8, 8), torch.rand(1, 3, 4, 4)], (8, 8), 3
    operator = ConcatConv2d([2, 3], 4, kernel)
    names = {"F": F, "torch": torch, "maps": maps, "size": size, "kernel": kernel}
    joined = run(written, **names, **dict(operator.named_parameters()))["joined"]
    torch.testing.assert_close(operator(maps, size), joined)
    module = SimpleNamespace(linears=[Linear2d(2, 6), Linear2d(3, 6)], fuse=ConcatConv2d([6, 6], 4, 1))
    shown = run(f"from functools import partial\ndef forward(self, features, size):\n{_indented(linears)}")["forward"]
    assert shown(module, maps, size).shape == (1, 4, 8, 8)


@pytest.mark.slow
def test_the_page_on_the_operator_exports():
    *_, exporting = blocks("operator")
    model = segzoo.create_model("resnet18", "unet", classes=2)
    run(exporting, torch=torch, nn=torch.nn, model=model)
    assert Path("model.onnx").exists()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning:segzoo")
def test_the_page_on_importing_imports():
    theirs = smp.Unet("resnet34", encoder_weights=None)
    theirs.save_pretrained("folder-that-smp-saved")
    torch.save({"state_dict": {f"student.net.{name}": each for name, each in theirs.state_dict().items()}}, "last.ckpt")
    names = run(blocks("importing"))
    assert isinstance(names["model"], segzoo.SegmentationModel)
    assert names["Importer"].architectures[0].name == "fcn"


@pytest.mark.slow
def test_the_page_on_testing_tests():
    names = run(blocks("testing"))
    assert names["TestFPN"].subject == "fpn"
    assert names["result"].status == "pass"


@pytest.mark.slow
def test_the_page_on_benchmarking_measures():
    found = run(blocks("benchmarking"))["found"]
    assert {row.pair for row in found.rows} == {f"resnet18+{name}" for name in segzoo.list_decoders("unet*")}
    assert not any(row.reason for row in found.rows)


def _indented(code):
    return "".join(f"    {line}\n" for line in code.splitlines())
