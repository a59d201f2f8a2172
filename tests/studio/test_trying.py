"""A model on an image, without a page."""

from dataclasses import replace
from html import escape
from threading import Event

import numpy as np
import pytest
from PIL import Image
from small_models import MARKUP, NAMES, save_huge, save_model, save_pdf, save_picture

import segzoo
from segzoo.studio import Settings
from segzoo.studio.showing import areas, class_names, first_shown, sides
from segzoo.studio.trying import segment


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return segzoo.from_pretrained(save_model(tmp_path_factory.mktemp("models") / "small"))


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    return save_picture(tmp_path_factory.mktemp("pictures") / "photo.png")


@pytest.fixture(scope="module")
def found(model, picture, tmp_path_factory):
    return segment("small", model, picture, tmp_path_factory.mktemp("masks"), Settings())


def test_the_mask_is_an_indexed_picture_of_what_the_model_predicts(model, picture, found):
    mask = Image.open(found.head(None).mask)
    assert mask.mode == "P"
    expected = model.predict(model.preprocessing(Image.open(picture)))
    assert np.array_equal(np.array(mask), expected.numpy())


def test_the_pixels_of_all_classes_are_those_of_the_image(found):
    assert sum(found.head(None).pixels) == 120 * 160


def test_a_large_image_is_shown_smaller(model, tmp_path):
    picture = save_picture(tmp_path / "wide.png", 60, 3000)
    found = segment("small", model, picture, tmp_path / "masks", Settings())
    assert found.picture.shape == (20, 1000, 3)
    assert found.head(None).shown.shape == (20, 1000)


def test_progress_ends_at_one_and_counts_tiles(model, picture, tmp_path):
    shares = []
    segment("small", model, picture, tmp_path, Settings(tile=96), progress=shares.append)
    assert len(shares) > 1
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)


def test_nothing_is_computed_for_a_visitor_who_left(model, picture, tmp_path):
    left, shares = Event(), []
    left.set()
    with pytest.raises(segzoo.InputError, match="was closed"):
        segment("small", model, picture, tmp_path, Settings(), left=left, progress=shares.append)
    assert shares == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["paper.pdf", "paper.png", "paper.npy"])
def test_a_pdf_is_no_image_whatever_it_is_called(model, tmp_path, name):
    with pytest.raises(segzoo.InputError, match=name) as raised:
        segment("small", model, save_pdf(tmp_path / name), tmp_path / "masks", Settings())
    assert str(tmp_path) not in str(raised.value)


def test_two_hundred_megapixels_are_refused_before_they_are_read(model, tmp_path):
    with pytest.raises(segzoo.InputError, match=r"50 million pixels.*segzoo predict"):
        segment("small", model, save_huge(tmp_path / "huge.png"), tmp_path / "masks", Settings())


def test_a_limit_below_that_of_the_reader_says_the_size(model, picture, tmp_path):
    with pytest.raises(segzoo.InputError, match=r"160x120 pixels.*at most 0.01 million"):
        segment("small", model, picture, tmp_path, Settings(max_pixels=0.01))


def test_an_image_that_the_model_cannot_take_is_called_by_its_name(model, tmp_path):
    file = tmp_path / "bands.npy"
    np.save(file, np.zeros((32, 32, 5), np.uint8))
    with pytest.raises(segzoo.InputError, match=r"bands\.npy has 5 bands") as raised:
        segment("small", model, file, tmp_path / "masks", Settings())
    assert str(tmp_path) not in str(raised.value)


def test_a_single_class_is_shown_beside_nothing(tmp_path, picture):
    model = segzoo.create_model("test_resnet", "fpn", classes=1)
    found = segment("one", model, picture, tmp_path, Settings())
    assert set(class_names([found], None)) <= {"nothing", "0"}


def test_heads_by_name_have_masks_of_their_own(tmp_path, picture):
    model = segzoo.create_model("test_resnet", "fpn", heads={"mask": 3, "edge": 1})
    found = segment("two", model, picture, tmp_path, Settings())
    assert [found.head(name).mask.name for name in ("mask", "edge")] == ["photo.mask.png", "photo.edge.png"]


# What is shown of it


def test_a_class_that_is_switched_off_is_not_coloured(found):
    picture, drawn = sides([found], None, [], 0.65)
    assert picture is found.picture
    assert (drawn == drawn[..., :1]).all()  # grey


def test_a_class_that_is_switched_on_is_coloured_where_it_is(found):
    head = found.head(None)
    number = int(np.argmax(head.pixels))
    _, drawn = sides([found], None, [NAMES[number]], 1.0)
    assert (drawn[head.shown == number] == head.classes.palette[number]).all()


def test_two_models_stand_on_both_sides(found):
    left, right = sides([found, found], None, NAMES, 0.65)
    assert np.array_equal(left, right)


def test_classes_that_were_not_found_are_not_offered(found):
    present = [name for name, pixels in zip(NAMES, found.head(None).pixels, strict=True) if pixels]
    assert class_names([found], None) == present
    assert set(first_shown([found], None)) <= set(present)


def test_the_table_has_the_share_of_each_class_and_its_name_as_text(found):
    head = replace(found.head(None), pixels=[10, 30, 60])
    text = areas([replace(found, heads={"": head})], None)
    assert "60.0%" in text
    assert escape(MARKUP) in text
    assert "<img" not in text
