"""Figures: rows of pictures with a legend, as files."""

import builtins

import numpy as np
import pytest
from PIL import Image

import segzoo
from segzoo.pictures import dark_figure, draw_rows, legend, palette, save

PICTURE = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)


def draw(path, classes, rows=2, columns=3):
    names = [f"class {number}" for number in range(classes)]
    draw_rows(path, "title", [("row", [PICTURE] * columns)] * rows, names, palette(classes))
    with Image.open(path) as picture:
        return picture.size


def labels(classes, width=6):
    figure = dark_figure(width, 4)
    legend(figure, [f"class {number}" for number in range(classes)], palette(classes))
    return figure


def test_more_rows_and_columns_are_a_larger_picture(tmp_path):
    width, height = draw(tmp_path / "a.png", 3)
    wider, higher = draw(tmp_path / "b.png", 3, rows=4, columns=6)
    assert wider > width
    assert higher > height


def test_the_picture_grows_with_its_legend(tmp_path):
    assert draw(tmp_path / "a.png", 40)[1] > draw(tmp_path / "b.png", 3)[1]


@pytest.mark.parametrize("classes", [1, 11, 40])
def test_a_legend_lies_within_its_figure(classes):
    figure = labels(classes)
    figure.draw_without_rendering()
    box = figure.legends[0].get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.x1
    assert 0 <= box.y0 < box.y1 <= figure.bbox.y1


@pytest.mark.parametrize("classes", [0, 41, 255])
def test_there_is_no_legend_that_nobody_can_read(classes):
    assert not labels(classes).legends


def test_a_row_may_be_empty(tmp_path):
    assert draw(tmp_path / "a.png", 2, columns=0)


def test_a_figure_that_cannot_be_written_is_said(tmp_path):
    with pytest.raises(segzoo.OptionError, match=r"can't write to .*nowhere"):
        save(dark_figure(1, 1), tmp_path / "nowhere" / "a.png")


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(segzoo.SegzooError, match=r'pip install "segzoo-torch\[train\]"'):
        dark_figure(1, 1)
