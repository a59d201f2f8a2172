"""The page as a visitor sees it, in a real browser."""

import numpy as np
import pytest
from PIL import Image
from small_models import MARKUP, save_huge, save_model, save_pdf, save_picture
from studio_driver import CHROMIUM, PATIENCE, serving, visiting

import segzoo

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def models(files):
    return [save_model(files / name, seed) for seed, name in enumerate(("one", "two"))]


@pytest.fixture(scope="module")
def address(models):
    with serving(models=tuple(models), max_upload=8) as address:
        yield address


@pytest.fixture(scope="module")
def photo(files):
    return save_picture(files / "photo.png")


@pytest.fixture
def studio(address):
    with visiting(address) as studio:
        yield studio


def test_a_pair_shows_its_plan_and_its_cost(studio):
    studio.page.locator("#plan svg").wait_for()
    studio.plan("vit_tiny_patch16_224", "fpn", shows="simple_pyramid")
    studio.wait_for_text("cost", "simple_pyramid")
    assert "Multiply-adds" in studio.text("cost")


def test_a_pair_that_is_refused_says_what_fits(studio):
    studio.page.locator("#plan svg").wait_for()
    studio.plan("resnet18", "eomt", shows="Installed decoders that take this encoder")


def test_a_photograph_is_segmented_and_its_mask_downloaded(studio, photo, models, tmp_path):
    studio.open("Try")
    studio.segment(photo)
    mask = Image.open(studio.download(tmp_path))
    model = segzoo.from_pretrained(models[0])
    assert np.array_equal(np.array(mask), model.predict(model.preprocessing(Image.open(photo))).numpy())
    assert studio.problems == []
    assert studio.elsewhere == []


def test_two_models_are_compared_and_classes_switched(studio, photo, models):
    studio.open("Try")
    studio.segment(photo, other=models[1])
    sources = "[...document.querySelectorAll('#slider img')].map(each => each.src)"
    before = studio.page.evaluate(sources)
    studio.page.locator("#classes input[type=checkbox]").first.click()
    studio.page.wait_for_function(f"before => JSON.stringify({sources}) != JSON.stringify(before)", arg=before)
    assert studio.page.locator("#mask-1").is_visible()
    assert studio.page.locator("#areas table").count() == 2
    assert studio.problems == []


def test_names_with_markup_are_shown_as_text(studio, photo):
    studio.open("Try")
    studio.segment(photo)
    assert studio.page.locator("img[src='x']").count() == 0
    assert MARKUP in studio.text("areas") + studio.text("classes")


def test_each_stage_is_drawn(studio, photo):
    studio.open("Try")
    studio.upload(photo)
    studio.page.get_by_role("button", name="What each stage sees").click()
    studio.page.locator("#draw-stages").click()
    studio.page.locator("#stages img").first.wait_for()
    assert studio.page.locator("#stages .caption-label").first.inner_text().startswith("stage ")
    assert studio.problems == []


@pytest.mark.parametrize("tab", ["Choose", "Try"])
def test_a_phone_needs_no_sideways_scrolling(address, photo, tab):
    with visiting(address, width=400, height=800) as studio:
        studio.page.locator("#plan svg").wait_for()
        studio.open(tab)
        if tab == "Try":
            studio.segment(photo)
        assert studio.overflow() <= 0


def test_a_pair_is_chosen_by_the_keyboard_alone(studio):
    studio.page.locator("#plan svg").wait_for()
    for _ in range(30):
        studio.page.keyboard.press("Tab")
        if studio.page.evaluate("!!document.activeElement.closest('#decoder')"):
            break
    studio.page.keyboard.press("Control+A")
    studio.page.keyboard.type("segformer")
    studio.page.keyboard.press("Enter")
    studio.wait_for_text("plan", "segformer")


# Bad input: the page says what is wrong, and goes on working


@pytest.mark.parametrize(
    ("save", "name", "said"),
    [
        (save_pdf, "paper.pdf", "paper.pdf is no image"),
        (save_pdf, "paper.png", "paper.png can't be read as an image"),
        (save_huge, "huge.png", "more than 50 million pixels"),
    ],
)
def test_a_file_that_cannot_be_taken_is_a_message(studio, photo, tmp_path, save, name, said):
    studio.open("Try")
    studio.upload(save(tmp_path / name))
    studio.page.locator("#segment").click()
    assert said in studio.message()
    studio.segment(photo)


def test_a_file_beyond_the_upload_limit_is_a_message(studio, tmp_path):
    file = tmp_path / "large.npy"
    np.save(file, np.zeros((3000, 1100, 3), np.uint8))
    studio.open("Try")
    studio.page.locator("#image input[type=file]").set_input_files(file)
    assert "size" in studio.message().lower()


def test_a_name_with_markup_is_text_in_a_message(studio, tmp_path):
    studio.open("Try")
    studio.choose("model", MARKUP)
    studio.upload(save_picture(tmp_path / "photo.png"))
    studio.page.locator("#segment").click()
    assert MARKUP in studio.message()
    assert studio.page.locator("img[src='x']").count() == 0


def test_a_run_is_watched_as_it_goes_on(studio, tmp_path):
    from segzoo.training import Settings, write_settings

    write_settings(Settings.of(data="roads", encoder="resnet18", decoder="unet"), tmp_path / "run.yaml")
    studio.open("Watch")
    studio.choose("run", str(tmp_path))
    studio.page.get_by_role("button", name="Watch").click()
    studio.wait_for_text("state", "begun")
    Image.new("RGB", (80, 40)).save(tmp_path / "curve.png")
    (tmp_path / "metrics.csv").write_text("step,loss,miou\n10,1.5,0.25\n")
    studio.wait_for_text("state", "0.25")
    studio.page.locator("#curve img").wait_for()


def test_what_runs_for_a_tab_that_is_closed_stops(models, photo, monkeypatch):
    from segzoo.studio import try_tab

    seen = []

    def endless(*given, left, progress, **settings):
        seen.append("begun")
        seen.append("left" if left.wait(60) else "forgotten")
        raise segzoo.InputError("the page was closed")

    monkeypatch.setattr(try_tab, "segment", endless)
    with serving(models=tuple(models)) as address:
        with visiting(address) as studio:
            studio.open("Try")
            studio.upload(photo)
            studio.page.locator("#segment").click()
            for _ in range(PATIENCE // 100):
                if seen:
                    break
                studio.page.wait_for_timeout(100)
        monkeypatch.undo()
        with visiting(address) as studio:
            studio.open("Try")
            studio.segment(photo)
    assert seen == ["begun", "left"]
