import errno
import json
import os
import warnings

import numpy as np
import pytest
from brightest import COLOURS, NAMES, as_tiff, brightest, noise, task, truth
from PIL import Image

from segzoo.errors import DataError, InputError, OptionError
from segzoo.labels import Labels
from segzoo.mapping import filing
from segzoo.mapping.filing import predict_files
from segzoo.mapping.head_classes import HeadClasses
from segzoo.mapping.writers import PngWriter


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    (folder / "more").mkdir(parents=True)
    for name in ("a.png", "b.png", "more/c.png"):
        Image.fromarray(noise(40, 50)).save(folder / name)
    return folder


def names(folder):
    return sorted(each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file())


def run(paths, folder, predictor=None, *, settings=None, overwrite=False, report=None, **wanted):
    paths = [str(each) for each in (paths if isinstance(paths, list) else [paths])]
    return predict_files(
        predictor or brightest(), paths, folder, task(**wanted), settings=settings, overwrite=overwrite, report=report
    )


def test_a_folder_s_images_are_predicted_into_the_same_folders(images, tmp_path):
    outcome = run(images, tmp_path / "out")
    assert names(tmp_path / "out") == ["a.png", "b.png", "more/c.png", "segzoo-predict.json"]
    assert len(outcome.done) == 3
    assert outcome.broken == {}


def test_a_class_map_is_an_indexed_picture_in_the_classes_colours(images, tmp_path):
    run(images / "a.png", tmp_path / "out")
    with Image.open(tmp_path / "out" / "a.png") as opened:
        assert opened.mode == "P"
        assert tuple(opened.getpalette()[:9]) == sum(COLOURS, ())
        np.testing.assert_array_equal(np.array(opened), truth(noise(40, 50)))


@pytest.mark.parametrize("batch", [1, 4])
def test_tiles_make_the_same_map(tmp_path, batch):
    Image.fromarray(noise(150, 233)).save(tmp_path / "a.png")
    outcome = run(tmp_path / "a.png", tmp_path / "out", batch=batch)
    np.testing.assert_array_equal(np.array(Image.open(tmp_path / "out" / "a.png")), truth(noise(150, 233)))
    (predicted,) = outcome.done.values()
    assert predicted.size == (150, 233)
    assert predicted.pixels[""] == np.bincount(truth(noise(150, 233)).ravel()).tolist()


@pytest.mark.parametrize(("name", "mode"), [("a.jpg", "RGB"), ("a.webp", "RGB"), ("a.bmp", "RGB"), ("a.png", "L")])
def test_pictures_of_many_forms_are_read(tmp_path, name, mode):
    Image.fromarray(noise(40, 50)).convert(mode).save(tmp_path / name)
    run(tmp_path / name, tmp_path / "out")
    assert Image.open(tmp_path / "out" / "a.png").size == (50, 40)


@pytest.mark.parametrize("channels", [3, 5])
def test_an_array_of_numpy_s_is_read(tmp_path, channels):
    picture = noise(40, 150, channels, np.uint16)
    np.save(tmp_path / "a.npy", picture)
    run(tmp_path / "a.npy", tmp_path / "out", brightest(channels))
    np.testing.assert_array_equal(np.array(Image.open(tmp_path / "out" / "a.png")), truth(picture))


def test_what_is_no_number_has_no_data(tmp_path):
    picture = noise(40, 50).astype(np.float32) / 255
    picture[:10, :20] = np.nan
    np.save(tmp_path / "a.npy", picture)
    run(tmp_path / "a.npy", tmp_path / "out")
    seen = np.array(Image.open(tmp_path / "out" / "a.png"))
    assert (seen[:10, :20] == 255).all()
    assert seen[10:].max() == 2


@pytest.mark.parametrize(("bands", "swapped"), [((3, 2, 1), [2, 1, 0]), ((1, 1, 4), [0, 0, 3])])
def test_bands_are_chosen_in_order(tmp_path, bands, swapped):
    picture = noise(40, 50, 4)
    np.save(tmp_path / "a.npy", picture)
    as_tiff(tmp_path / "b.tif", picture)
    run([tmp_path / "a.npy", tmp_path / "b.tif"], tmp_path / "out", bands=bands)
    for name in ("a.png", "b.tif"):
        np.testing.assert_array_equal(np.array(Image.open(tmp_path / "out" / name)), truth(picture[..., swapped]))


def test_overlays_are_small_pictures(tmp_path):
    Image.fromarray(noise(30, 5000)).save(tmp_path / "a.png")
    run(tmp_path / "a.png", tmp_path / "out", overlay=True)
    with Image.open(tmp_path / "out" / "a.overlay.png") as opened:
        assert opened.size == (1667, 10)
        assert opened.mode == "RGB"


def test_an_overlay_has_the_pixels_of_the_map(tmp_path, monkeypatch):
    seen = {}
    monkeypatch.setattr("segzoo.mapping.outputs._draw", lambda path, picture, classes, head: seen.update(c=classes))
    monkeypatch.setattr("segzoo.mapping.outputs.SIDE", 70)
    monkeypatch.setattr("segzoo.mapping.outputs.replacing", __import__("contextlib").nullcontext)
    (tmp_path / "out").mkdir()
    Image.fromarray(noise(150, 233)).save(tmp_path / "a.png")
    run(tmp_path / "a.png", tmp_path / "out", overlay=True, overwrite=True)
    np.testing.assert_array_equal(seen["c"], truth(noise(150, 233))[::4, ::4])


def test_probabilities_are_saved_of_each_class(tmp_path):
    Image.fromarray(noise(40, 150)).save(tmp_path / "a.png")
    run(tmp_path / "a.png", tmp_path / "out", output="probabilities")
    values = np.load(tmp_path / "out" / "a.probabilities.npy")
    assert values.shape == (3, 40, 150)
    np.testing.assert_allclose(values.sum(0), 1, rtol=1e-5)
    np.testing.assert_array_equal(values.argmax(0), truth(noise(40, 150)))


def test_each_head_has_its_files(tmp_path):
    predictor = brightest(mask=HeadClasses.of(3, Labels(NAMES)), edge=HeadClasses.of(1, Labels(("edge",))))
    predictor.engines[0] = lambda tiles: {"mask": 10 * tiles, "edge": tiles[:, :1] - 0.5}
    Image.fromarray(noise(40, 50)).save(tmp_path / "a.png")
    outcome = run(tmp_path / "a.png", tmp_path / "out", predictor)
    assert names(tmp_path / "out") == ["a.edge.png", "a.mask.png", "segzoo-predict.json"]
    (predicted,) = outcome.done.values()
    assert predicted.pixels["edge"] == [2000, 0]


@pytest.mark.parametrize("classes", [2, 255, 256, 300])
def test_as_many_classes_as_there_are_fit_into_a_map(tmp_path, classes):
    writer = PngWriter((1, 400), HeadClasses.of(classes, Labels()))
    values = np.arange(400).clip(0, classes - 1).astype(writer.head.dtype)[None]
    writer.write(values, (0, 1, 0, 400))
    writer.save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as opened:
        np.testing.assert_array_equal(np.array(opened), values)
        assert writer.head.nodata not in values


def test_a_broken_file_is_reported_and_left_out(images, tmp_path):
    whole = (images / "b.png").read_bytes()
    (images / "b.png").write_bytes(whole[: len(whole) // 2])
    (images / "d.png").write_bytes(b"")
    (images / "e.tif").write_text("no picture")
    np.save(images / "f.npy", np.zeros((0, 5, 3), np.uint8))
    told = []
    outcome = run(images, tmp_path / "out", report=told.append)
    assert [os.path.basename(path) for path in outcome.broken] == ["b.png", "d.png", "e.tif", "f.npy"]
    assert all(path in reason for path, reason in outcome.broken.items())
    assert told == list(outcome.broken.values())
    assert names(tmp_path / "out") == ["a.png", "more/c.png", "segzoo-predict.json"]
    assert json.loads((tmp_path / "out" / "segzoo-predict.json").read_text())["broken"] == outcome.broken


def test_what_the_model_cannot_take_is_left_out(images, tmp_path):
    def refuse(tiles):
        raise InputError("needs images of 64x64 pixels")

    predictor = brightest()
    predictor.engines[0] = refuse
    outcome = run(images / "a.png", tmp_path / "out", predictor)
    assert list(outcome.broken.values()) == [f"{images / 'a.png'}: needs images of 64x64 pixels"]


def test_other_errors_stop_the_run_and_leave_nothing_half(images, tmp_path):
    def fail(tiles):
        raise RuntimeError("a bug")

    predictor = brightest()
    predictor.engines[0] = fail
    with pytest.raises(RuntimeError, match="a bug"):
        run(images, tmp_path / "out", predictor)
    assert names(tmp_path / "out") == ["segzoo-predict.json"]


@pytest.mark.parametrize("suffix", [".npy", ".tif"])
def test_wrong_band_counts_say_what_to_do(tmp_path, suffix):
    picture = noise(40, 50, 5)
    np.save(tmp_path / "a.npy", picture)
    as_tiff(tmp_path / "a.tif", picture)
    (reason,) = run(tmp_path / f"a{suffix}", tmp_path / "out").broken.values()
    assert reason == (
        f"{tmp_path / f'a{suffix}'} has 5 bands, and the model takes 3; say which ones, counted from 1, such as "
        "bands=1,2,3"
    )
    (reason,) = run(tmp_path / f"a{suffix}", tmp_path / "out2", bands=(1, 2, 6)).broken.values()
    assert "has 5 bands, and those numbered [1, 2, 6] were asked for" in reason


def test_a_run_that_was_stopped_goes_on(images, tmp_path, monkeypatch):
    seen = []
    real = filing.predict_file

    def stopping(predictor, each, files, task):
        if len(seen) == 1:
            raise KeyboardInterrupt
        seen.append(each.name)
        return real(predictor, each, files, task)

    monkeypatch.setattr(filing, "predict_file", stopping)
    with pytest.raises(KeyboardInterrupt):
        run(images, tmp_path / "out")
    monkeypatch.setattr(filing, "predict_file", real)
    outcome = run(images, tmp_path / "out")
    assert [os.path.basename(each) for each in outcome.kept] == ["a.png"]
    assert [os.path.basename(each) for each in outcome.done] == ["b.png", "c.png"]


def test_what_a_killed_run_had_begun_is_taken_away(images, tmp_path):
    run(images / "a.png", tmp_path / "out")
    begun = tmp_path / "out" / ".b.png.123.partial"
    begun.write_text("half")
    run([images / "a.png", images / "b.png"], tmp_path / "out")
    assert not begun.exists()


def test_an_image_that_changed_is_predicted_again(images, tmp_path):
    run(images, tmp_path / "out")
    Image.fromarray(noise(30, 20)).save(images / "b.png")
    os.utime(images / "b.png", ns=(2**61, 2**61))
    assert [os.path.basename(each) for each in run(images, tmp_path / "out").done] == ["b.png"]
    assert Image.open(tmp_path / "out" / "b.png").size == (20, 30)


def test_other_settings_are_not_mixed(images, tmp_path):
    run(images, tmp_path / "out", settings={"model": "one"})
    with pytest.raises(OptionError, match=r"made with other settings \(model: 'one', now 'two'\)"):
        run(images, tmp_path / "out", settings={"model": "two"})
    assert len(run(images, tmp_path / "out", settings={"model": "two"}, overwrite=True).done) == 3
    assert len(run(images, tmp_path / "out", settings={"model": "two"}).kept) == 3


def test_files_of_others_are_not_replaced(images, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "b.png").write_text("mine")
    with pytest.raises(OptionError, match=r"b.png exists already; give another folder, or --force"):
        run(images, tmp_path / "out")
    assert names(tmp_path / "out") == ["b.png"]
    run(images, tmp_path / "out", overwrite=True)
    assert Image.open(tmp_path / "out" / "b.png").mode == "P"


def test_two_images_of_one_name_are_refused(images, tmp_path):
    Image.fromarray(noise(8, 8)).save(images / "a.jpg")
    with pytest.raises(OptionError, match=r"a\.jpg and .*a\.png would both be predicted as a; rename one"):
        run(images, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_two_outputs_of_one_name_are_refused(images, tmp_path):
    Image.fromarray(noise(8, 8)).save(images / "a.overlay.jpg")
    with pytest.raises(OptionError, match=r"a\.overlay\.jpg and .*a\.png would both be predicted as .*a\.overlay\.png"):
        run(images, tmp_path / "out", overlay=True)


def test_a_file_that_is_given_twice_is_predicted_once(images, tmp_path):
    assert len(run([images, images / "a.png", f"{images}/*.png"], tmp_path / "out").done) == 3


def test_patterns_are_taken(images, tmp_path):
    assert len(run(f"{images}/**/[ac].png", tmp_path / "out").done) == 2


def test_outputs_are_no_inputs(images):
    run(images, images / "out")
    outcome = run(images, images / "out")
    assert len(outcome.kept) == 3
    assert outcome.done == {}


@pytest.mark.parametrize("path", ["{0}", "{0}/a.png", "{0}/more"])
def test_images_among_the_outputs_are_refused(images, path):
    with pytest.raises(OptionError, match="lies among the outputs"):
        run(path.format(images), images)


@pytest.mark.parametrize(("path", "told"), [("none.png", "no file"), ("no*", "matches none"), ("e", "no images")])
def test_nothing_to_predict_is_told(tmp_path, path, told):
    (tmp_path / "e").mkdir()
    with pytest.raises(DataError, match=told):
        run(tmp_path / path, tmp_path / "out")


def test_a_folder_that_cannot_be_looked_into_is_named(images, tmp_path, monkeypatch):
    scan = os.scandir

    def closed(path):
        if str(path).endswith("more"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", closed)
    with pytest.raises(DataError, match=r"more can't be looked into: Permission denied"):
        run(images, tmp_path / "out")


def test_a_folder_that_cannot_be_written_is_told_at_once(images, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OptionError, match="can't write to"):
        run(images, tmp_path / "file" / "out")


@pytest.mark.parametrize("output", ["classes", "probabilities"])
def test_a_full_disk_stops_the_run_and_leaves_nothing(images, tmp_path, monkeypatch, output):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(PngWriter, "save", full)
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OptionError, match=r"can't write to .*a.*: No space left on device"):
        run(images, tmp_path / "out", output=output)
    assert names(tmp_path / "out") == ["segzoo-predict.json"]


@pytest.mark.parametrize("wanted", [{"output": "logits", "overlay": True}, {"bands": (0, 1)}, {"batch": 0}])
def test_what_cannot_be_asked_for_is_refused(images, tmp_path, wanted):
    with pytest.raises(OptionError):
        run(images, tmp_path / "out", **wanted)


def test_nothing_is_warned_about(images, tmp_path):
    as_tiff(images / "d.tif", noise(40, 50), crs=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(images, tmp_path / "out", overlay=True)
