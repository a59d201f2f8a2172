from itertools import pairwise

import numpy as np
import pytest
import torch
from painted import Painted, model_of
from PIL import Image

import segzoo
from segzoo.evaluation import evaluate, report
from segzoo.evaluation.evaluating import Evaluation
from segzoo.evaluation.report import RIGHT, WRONG, draw_confusion
from segzoo.labels import IGNORE
from segzoo.metrics import Scores
from segzoo.pictures import palette
from segzoo.pictures.colours import UNKNOWN


@pytest.fixture
def drawn(monkeypatch):
    """What figures are made of, rather than their pixels."""
    figures = []
    monkeypatch.setattr(report, "save", lambda figure, path: figures.append(figure))
    return figures


def found(confusion):
    names = tuple(f"class {number}" for number in range(len(confusion)))
    return Evaluation(Scores(torch.tensor(confusion)), names, ())


def texts(axes):
    return [each.get_text() for each in axes.texts]


def test_rows_of_the_matrix_are_shares_of_the_true_class(drawn, tmp_path):
    draw_confusion(tmp_path / "confusion.png", found([[30, 10, 0], [0, 5, 0], [0, 0, 0]]))
    matrix, bars = drawn[0].axes
    np.testing.assert_allclose(matrix.images[0].get_array(), [[0.75, 0.25, 0], [0, 1, 0], [0, 0, 0]])
    assert texts(matrix) == ["75", "25", "100"]
    assert texts(bars) == ["0.75", "0.33", "-"]


@pytest.mark.parametrize("classes", [2, pytest.param(150, marks=pytest.mark.slow)])
def test_names_of_many_classes_don_t_overlap(drawn, tmp_path, classes):
    draw_confusion(tmp_path / "confusion.png", found(np.eye(classes, dtype=np.int64).tolist()))
    figure, matrix = drawn[0], drawn[0].axes[0]
    figure.draw_without_rendering()
    boxes = [each.get_window_extent() for each in matrix.get_yticklabels()]
    assert len(boxes) == classes
    assert all(lower.y1 <= upper.y0 for upper, lower in pairwise(boxes))
    assert min(box.x0 for box in boxes) > 0


def test_a_long_name_is_cut(drawn, tmp_path):
    named = Evaluation(Scores(torch.eye(2, dtype=torch.int64)), ("a", "b" * 200), ())
    draw_confusion(tmp_path / "confusion.png", named)
    assert len(drawn[0].axes[0].get_yticklabels()[1].get_text()) == 28


def test_the_worst_are_shown_with_truth_prediction_and_errors(monkeypatch, tmp_path):
    shown = {}
    monkeypatch.setattr(
        report, "draw_rows", lambda path, text, rows, *others, captions: shown.update(rows, captions=captions)
    )
    torch.manual_seed(0)
    model, dataset = model_of(), Painted()
    result = evaluate(model, dataset, dataset.splits()["val"], worst=2, output=tmp_path, quiet=True)
    worst = result.worst(2)
    assert shown["captions"] == [f"{each.name}\nmIoU {each.miou:.2f}" for each in worst]
    sample = dataset.read(worst[0].name)
    colours = np.array(palette(3))
    predicted = model.predict(model.preprocessing(sample.image)).numpy()
    counted = sample.mask != IGNORE
    np.testing.assert_array_equal(shown["image"][0], sample.image)
    np.testing.assert_array_equal(shown["prediction"][0], colours[predicted])
    np.testing.assert_array_equal(shown["truth"][0][counted], colours[sample.mask[counted]])
    for row in ("truth", "errors"):
        assert (shown[row][0][~counted] == UNKNOWN).all()
    wrong = (shown["errors"][0] == WRONG).all(-1)
    np.testing.assert_array_equal(wrong, (predicted != sample.mask) & counted)
    assert ((shown["errors"][0] == RIGHT).all(-1) == (counted & ~wrong)).all()


def test_the_files_are_pictures(tmp_path):
    dataset = Painted(channels=5)
    model = segzoo.create_model("test_vit", "linear", classes=3, in_channels=5)
    evaluate(model, dataset, dataset.splits()["val"], output=tmp_path, quiet=True)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["confusion.png", "evaluation.json", "worst.png"]
    for name in ("confusion.png", "worst.png"):
        with Image.open(tmp_path / name) as picture:
            assert min(picture.size) > 300


def test_without_worst_images_no_picture_of_others_stays(tmp_path):
    (tmp_path / "worst.png").touch()
    dataset = Painted()
    evaluate(model_of(), dataset, dataset.splits()["val"], worst=0, output=tmp_path, quiet=True)
    assert not (tmp_path / "worst.png").exists()
