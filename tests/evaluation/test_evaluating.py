"""Evaluation against scikit-learn, on images of several sizes."""

import json

import numpy as np
import pytest
import segmentation_models_pytorch as smp
import torch
from painted import Painted, model_of
from sklearn.metrics import confusion_matrix, jaccard_score

import segzoo
from segzoo.data import Sample
from segzoo.errors import DataError, DataWarning, InputError, OptionError
from segzoo.evaluation import evaluate
from segzoo.labels import IGNORE, Labels
from segzoo.prediction import Augmented

NAMES = Painted().splits()["val"]


def pixels(model, dataset, names):
    """Truth and prediction of all pixels that count, by whole images."""
    truth, seen = [], []
    for name in names:
        sample = dataset.read(name)
        with torch.inference_mode():
            logits = model(model.preprocessing(sample.image)[None])
        classes = logits[0].argmax(0) if logits.shape[1] > 1 else (logits[0, 0] > 0).long()
        counted = sample.mask != IGNORE
        truth.append(sample.mask[counted])
        seen.append(classes.numpy()[counted])
    return np.concatenate(truth), np.concatenate(seen)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return model_of()


def test_the_confusion_matrix_is_scikit_learns_over_all_pixels(model):
    found = evaluate(model, Painted(), NAMES, quiet=True)
    truth, seen = pixels(model, Painted(), NAMES)
    assert len(np.unique(seen)) == 3
    assert found.scores.confusion.tolist() == confusion_matrix(truth, seen, labels=range(3)).tolist()


def test_each_image_has_its_own_scores(model):
    found = evaluate(model, Painted(), NAMES, quiet=True)
    assert [each.name for each in found.images] == NAMES
    for each in found.images:
        truth, seen = pixels(model, Painted(), [each.name])
        assert each.pixels == len(truth)
        assert each.accuracy == pytest.approx((truth == seen).mean())
        assert each.miou == pytest.approx(jaccard_score(truth, seen, average="macro"))


def test_the_worst_images_come_first(model):
    found = evaluate(model, Painted(), NAMES, quiet=True)
    worst = found.worst(3)
    assert [each.miou for each in worst] == sorted(each.miou for each in found.images)[:3]


def test_an_image_without_classes_counts_for_nothing(model):
    class Empty(Painted):
        def read(self, name):
            sample = super().read(name)
            return Sample(sample.image, np.full_like(sample.mask, IGNORE), name) if name == "1.png" else sample

    found = evaluate(model, Empty(), NAMES, quiet=True)
    without = [name for name in NAMES if name != "1.png"]
    assert torch.equal(found.scores.confusion, evaluate(model, Painted(), without, quiet=True).scores.confusion)
    assert found.images[1].pixels == 0
    assert "1.png" not in {each.name for each in found.worst(9)}


def test_small_tiles_give_what_whole_images_give(model):
    whole = evaluate(model.double(), Painted(sizes=[(96, 128)]), ["0.png"], quiet=True)
    tiled = evaluate(model.double(), Painted(sizes=[(96, 128)]), ["0.png"], tile=48, margin=8, quiet=True)
    model.float()
    assert torch.equal(whole.scores.confusion, tiled.scores.confusion)


def test_flips_and_scales_are_counted_as_the_mean_over_them(model):
    found = evaluate(model, Painted(), NAMES, flips=True, scales=(1.0, 1.5), quiet=True)
    seen_in = Augmented(model, (1.0, 1.5), flips=True)
    seen_in.preprocessing = model.preprocessing
    truth, seen = pixels(seen_in, Painted(), NAMES)
    assert found.scores.confusion.tolist() == confusion_matrix(truth, seen, labels=range(3)).tolist()
    assert not torch.equal(found.scores.confusion, evaluate(model, Painted(), NAMES, quiet=True).scores.confusion)


def test_reading_ahead_changes_nothing(model):
    here, ahead = (evaluate(model, Painted(), NAMES, workers=workers, quiet=True) for workers in (0, 1))
    assert here.to_dict() == ahead.to_dict()


def test_classes_in_another_order_are_told_by_name(model):
    plain = evaluate(model, Painted(), NAMES, quiet=True)
    model.labels = {"logits": Labels(("tree", "sky", "road"))}
    found = evaluate(model, Painted(), NAMES, quiet=True)
    model.labels = {}
    assert torch.equal(found.scores.confusion[:, [2, 0, 1]], plain.scores.confusion)


def test_a_single_class_is_held_against_two(model):
    one = model_of(classes=1)
    dataset = Painted(names=("other", "road"))
    found = evaluate(one, dataset, NAMES, quiet=True)
    truth, seen = pixels(one, dataset, NAMES)
    assert found.scores.confusion.tolist() == confusion_matrix(truth, seen, labels=range(2)).tolist()


def test_the_head_is_chosen_by_name():
    several = model_of(heads={"mask": 3, "edge": 1})
    found = evaluate(several, Painted(), NAMES, head="mask", quiet=True)
    seen = [several.predict(several.preprocessing(Painted().read(name).image))["mask"].numpy() for name in NAMES]
    masks = [Painted().read(name).mask for name in NAMES]
    truth = np.concatenate([mask[mask != IGNORE] for mask in masks])
    guess = np.concatenate([each[mask != IGNORE] for each, mask in zip(seen, masks, strict=True)])
    assert found.scores.confusion.tolist() == confusion_matrix(truth, guess, labels=range(3)).tolist()


def test_labels_of_a_single_named_head_are_used():
    named = model_of(heads={"mask": 3})
    named.labels = {"mask": Labels(("a", "b", "c"))}
    with pytest.raises(DataError, match="the model alone has a, b, c"):
        evaluate(named, Painted(), NAMES, quiet=True)


@pytest.mark.parametrize(("head", "message"), [(None, "say which one"), ("mosk", "has no head 'mosk'; it has mask")])
def test_a_head_that_isn_t_there_is_refused(head, message):
    with pytest.raises(OptionError, match=message):
        evaluate(model_of(heads={"mask": 3, "edge": 1}), Painted(), NAMES, head=head, quiet=True)


def test_a_model_of_another_library_is_evaluated(tmp_path):
    torch.manual_seed(0)
    peer = smp.create_model("fpn", "resnet18", encoder_weights=None, classes=3).eval()
    peer.save_pretrained(tmp_path / "peer")
    loaded = segzoo.from_pretrained(tmp_path / "peer")
    dataset = Painted(sizes=[(64, 96), (32, 64)])  # what SMP takes
    found = evaluate(loaded, dataset, ["0.png", "1.png"], quiet=True)
    peer.preprocessing = loaded.preprocessing
    truth, seen = pixels(peer, dataset, ["0.png", "1.png"])
    assert found.scores.confusion.tolist() == confusion_matrix(truth, seen, labels=range(3)).tolist()


def test_the_model_s_mode_is_left_alone(model):
    model.train()
    evaluate(model, Painted(), NAMES[:1], flips=True, quiet=True)
    assert model.training
    model.eval()


def test_a_broken_sample_ends_the_work(model):
    with pytest.raises(DataError, match=r"^2\.png can't be read$"):
        evaluate(model, Painted(broken=("2.png",)), NAMES, quiet=True)


def test_a_worker_s_error_is_the_sample_s_own(model):
    with pytest.raises(DataError, match=r"^2\.png can't be read$"):
        evaluate(model, Painted(broken=("2.png",)), NAMES, workers=1, quiet=True)


def test_a_broken_sample_is_skipped_and_named(model):
    with pytest.warns(DataWarning, match=r"skipped: 2\.png"):
        found = evaluate(model, Painted(broken=("2.png",)), NAMES, broken="skip", quiet=True)
    assert found.skipped == ("2.png",)
    assert found.to_dict()["skipped"] == ["2.png"]
    without = evaluate(model, Painted(), [name for name in NAMES if name != "2.png"], quiet=True)
    assert torch.equal(found.scores.confusion, without.scores.confusion)
    assert found.images == without.images


@pytest.mark.filterwarnings("ignore::segzoo.errors.DataWarning")
def test_nothing_that_could_be_read_is_an_error(model):
    with pytest.raises(DataError, match="0 samples could be read, 4 could not"):
        evaluate(model, Painted(broken=NAMES), NAMES, broken="skip", quiet=True)


def test_no_samples_are_refused(model):
    with pytest.raises(DataError, match="no samples"):
        evaluate(model, Painted(), [], quiet=True)


def test_other_channels_are_refused_before_anything_is_read(model):
    with pytest.raises(DataError, match="takes images of 3 channels, and those of painted have 12"):
        evaluate(model, Painted(channels=12, broken=NAMES), NAMES, quiet=True)


def test_many_bands_are_evaluated():
    model = segzoo.create_model("test_vit", "linear", classes=3, in_channels=12)
    found = evaluate(model, Painted(channels=12), NAMES, quiet=True)
    assert found.scores.pixels == sum(each.pixels for each in found.images) > 0


def test_an_image_that_the_model_can_t_take_is_named():
    strict = segzoo.create_model("test_vit", "linear", classes=3, strict_size=True)
    with pytest.raises(InputError, match=r"^1\.png: .*got 33x47"):
        evaluate(strict, Painted(sizes=[(160, 160), (33, 47)]), NAMES[:2], quiet=True)


def test_full_memory_says_what_to_do(model, monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr(model, "forward", full)
    with pytest.raises(InputError, match=r"0\.png: memory is full at tile=1024; take smaller tiles"):
        evaluate(model, Painted(), NAMES, quiet=True)


def test_an_output_that_is_a_file_is_refused_before_anything_is_read(model, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OptionError, match="can't make the folder"):
        evaluate(model, Painted(broken=NAMES), NAMES, output=tmp_path / "file", quiet=True)


def test_the_json_holds_all_that_was_found(model, tmp_path):
    found = evaluate(model, Painted(), NAMES, flips=True, output=tmp_path, worst=0, quiet=True)
    content = json.loads((tmp_path / "evaluation.json").read_text())
    assert content == json.loads(json.dumps(found.to_dict()))
    assert content["segzoo"] == segzoo.__version__
    assert content["confusion"] == found.scores.confusion.tolist()
    assert content["miou"] == pytest.approx(found.scores.miou, abs=1e-6)
    assert list(content["classes"]) == ["sky", "road", "tree"]
    assert [each["name"] for each in content["images"]] == NAMES
    assert content["settings"]["flips"] is True
