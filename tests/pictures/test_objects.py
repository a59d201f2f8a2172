import numpy as np
import pytest

from segzoo.pictures import Drawn, draw_objects
from segzoo.pictures.objects import outline, widest

GREY = np.full((60, 80, 3), 100, np.uint8)
RED, BLUE = (255, 0, 0), (0, 0, 255)


def square(side=20):
    return np.ones((side, side), bool)


def test_an_object_is_tinted_and_its_outline_has_its_colour():
    drawn = draw_objects(GREY, [Drawn(square(), (30, 10), RED)])
    assert drawn[10, 30].tolist() == list(RED)
    assert drawn[29, 49].tolist() == list(RED)
    red, green, blue = drawn[20, 40].tolist()
    assert red > 130 > 90 > green == blue > 0
    outside = np.ones((60, 80), bool)
    outside[10:30, 30:50] = False
    assert (drawn[outside] == 100).all()


def test_the_picture_itself_stays_as_it_is():
    draw_objects(GREY, [Drawn(square(), (0, 0), RED, "name")])
    assert (GREY == 100).all()


def test_the_last_object_lies_on_top():
    drawn = draw_objects(GREY, [Drawn(square(), (0, 0), RED), Drawn(square(), (10, 10), BLUE)])
    assert drawn[10, 10].tolist() == list(BLUE)


def test_an_object_is_blended_in_rows_as_it_would_be_at_once(monkeypatch):
    objects = [Drawn(square(), (30, 10), RED)]
    whole = draw_objects(GREY, objects)
    monkeypatch.setattr("segzoo.pictures.objects.ROWS", 3)
    assert (draw_objects(GREY, objects) == whole).all()


@pytest.mark.parametrize("corner", [(0, 0), (60, 40), (30, 20)])
def test_a_name_is_written_inside_the_picture(corner):
    drawn = draw_objects(GREY, [Drawn(square(), corner, (100, 100, 100), "car 97%")])
    written = (drawn > 200).all(axis=2)
    assert written.sum() > 20
    assert not written[[0, -1]].any()
    assert not written[:, [0, -1]].any()


def test_an_object_without_pixels_is_not_drawn():
    assert (draw_objects(GREY, [Drawn(np.zeros((4, 4), bool), (3, 3), RED, "car")]) == GREY).all()


def test_an_outline_is_as_thick_as_asked():
    assert outline(square(10)).sum() == 36
    assert outline(square(10), 2).sum() == 36 + 28
    assert outline(square(2), 5).all()


def test_a_name_stands_in_the_longest_run_of_the_middle_row():
    mask = np.zeros((5, 20), bool)
    mask[:, 0:2] = mask[:, 10:18] = True
    assert widest(mask) == (2, 14)
