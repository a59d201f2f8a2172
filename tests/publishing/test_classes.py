from pathlib import Path

import pytest
import torch
from published import image, small_model

import segzoo


def saved(folder: Path, **options: object) -> segzoo.SegmentationModel:
    model = small_model(**options)  # type: ignore[arg-type]
    model.save_pretrained(folder)
    return model


def differing(one: segzoo.SegmentationModel, other: segzoo.SegmentationModel) -> set[str]:
    weights = other.state_dict()
    return {name for name, each in one.state_dict().items() if not torch.equal(each, weights[name])}


def test_another_number_of_classes_starts_the_classifier_anew(tmp_path: Path) -> None:
    model = saved(tmp_path)
    renewed = {"head.classifiers.logits.conv.weight", "head.classifiers.logits.conv.bias"}
    with pytest.warns(segzoo.CheckpointWarning) as warnings:
        loaded = segzoo.from_pretrained(tmp_path, classes=5)
    (warning,) = warnings
    assert all(name in str(warning.message) for name in renewed)
    assert warning.filename == __file__
    assert differing(model, loaded) == renewed
    assert loaded(image()).shape[1] == loaded.config["classes"] == 5


def test_the_same_number_of_classes_changes_nothing(tmp_path: Path) -> None:
    model = saved(tmp_path)
    assert not differing(model, segzoo.from_pretrained(tmp_path, classes=3))


def test_labels_of_other_classes_are_dropped(folder: Path) -> None:
    with pytest.warns(segzoo.CheckpointWarning):
        assert segzoo.from_pretrained(folder, classes=2).labels == {}


def test_one_of_several_heads_is_changed(tmp_path: Path) -> None:
    model = saved(tmp_path, heads={"mask": 3, "edge": 1})
    with pytest.warns(segzoo.CheckpointWarning, match="head.classifiers.edge.conv.weight"):
        loaded = segzoo.from_pretrained(tmp_path, classes={"edge": 2})
    assert differing(model, loaded) == {f"head.classifiers.edge.conv.{which}" for which in ("weight", "bias")}
    assert loaded.config["heads"] == {"mask": 3, "edge": 2}


def test_a_decoder_that_classifies_keeps_what_does_not_depend_on_classes(tmp_path: Path) -> None:
    model = saved(tmp_path, decoder="segmenter", decoder_options={}, encoder="test_vit")
    with pytest.warns(segzoo.CheckpointWarning):
        loaded = segzoo.from_pretrained(tmp_path, classes=4)
    renewed = differing(model, loaded)
    assert renewed
    assert len(renewed) < len(model.decoder.state_dict()) / 2
    assert all(name.startswith("decoder.") for name in renewed)


def test_heads_that_divide_the_same_channels_otherwise_start_anew(tmp_path: Path) -> None:
    heads = {"mask": 3, "edge": 1}
    model = saved(tmp_path, decoder="segmenter", decoder_options={}, encoder="test_vit", heads=heads)
    with pytest.warns(segzoo.CheckpointWarning):
        loaded = segzoo.from_pretrained(tmp_path, classes={"mask": 2, "edge": 2})
    assert differing(model, loaded)


def test_a_changed_model_is_saved_and_loaded_as_it_is(tmp_path: Path) -> None:
    saved(tmp_path)
    with pytest.warns(segzoo.CheckpointWarning):
        changed = segzoo.from_pretrained(tmp_path, classes=5)
    changed.save_pretrained(tmp_path)
    assert not differing(changed, segzoo.from_pretrained(tmp_path, verify=True))


@pytest.mark.parametrize("classes", [0, -1, True, "7", {"logits": 3}, {}])
def test_classes_that_one_head_cannot_have_are_refused(classes: object, folder: Path) -> None:
    with pytest.raises(segzoo.OptionError, match=r"classes|class or more"):
        segzoo.from_pretrained(folder, classes=classes)  # type: ignore[arg-type]


@pytest.mark.parametrize("classes", [3, {"no": 3}, {"edge": 0}])
def test_classes_that_named_heads_cannot_have_are_refused(classes: object, tmp_path: Path) -> None:
    saved(tmp_path, heads={"mask": 3, "edge": 1})
    with pytest.raises(segzoo.OptionError, match=r"named heads, mask, edge|1 class or more"):
        segzoo.from_pretrained(tmp_path, classes=classes)  # type: ignore[arg-type]


def test_other_classes_cannot_be_verified(folder: Path) -> None:
    with pytest.raises(segzoo.OptionError, match="leave classes out"):
        segzoo.from_pretrained(folder, classes=5, verify=True)
