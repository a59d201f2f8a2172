import pickle
from pathlib import Path

import numpy as np
import pytest
import segzoo
from PIL import Image
from segzoo.data import check, split

from segzoo_rle.runs import decode

HEIGHT, WIDTH = 4, 6
STEEL = "ImageId,ClassId,EncodedPixels\na.png,1,1 2\na.png,3,9 4\nb.png,,\n"


def write(folder: Path, table: str, *names: str) -> Path:
    (folder / "train_images").mkdir()
    for name in names or ("a.png", "b.png"):
        Image.fromarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8)).save(folder / "train_images" / name)
    (folder / "train.csv").write_text(table)
    return folder


def test_runs_go_down_the_columns() -> None:
    assert decode("1 3 10 5", 4, 4).astype(int).tolist() == [[1, 0, 0, 1], [1, 0, 1, 1], [1, 0, 1, 0], [0, 0, 1, 0]]


@pytest.mark.parametrize("runs", ["1", "0 2", "1 0", "16 2", "1 x", "1 2.5", "-3 2"])
def test_runs_that_are_none_are_refused(runs: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        decode(runs, 4, 4)


def test_a_folder_is_recognised_and_read(tmp_path: Path) -> None:
    dataset = segzoo.open_dataset(write(tmp_path, STEEL))
    assert dataset.labels.names == ("background", "1", "3")
    assert dataset.read("a.png").mask.T.flatten().tolist() == [1, 1, *[0] * 6, 2, 2, 2, 2, *[0] * 12]
    assert not dataset.read("b.png").mask.any()
    assert dataset.size("a.png") == (HEIGHT, WIDTH)


@pytest.mark.parametrize(
    ("table", "classes"),
    [
        ("Image_Label,EncodedPixels\na.png_Fish,1 2\na.png_Gravel,\n", ("Fish", "Gravel")),
        ("ImageId_ClassId,EncodedPixels\na.png_10,1 2\na.png_9,3 1\n", ("9", "10")),
        ("ImageId,EncodedPixels\na.png,1 2\na.png,5 2\nb.png,-1\n", ("object",)),
    ],
)
def test_the_forms_of_tables(tmp_path: Path, table: str, classes: tuple[str, ...]) -> None:
    dataset = segzoo.open_dataset(write(tmp_path, table))
    assert dataset.labels.names == ("background", *classes)
    assert dataset.read("a.png").mask[0, 0] > 0


def test_a_sheet_to_hand_in_is_not_taken_for_the_table(tmp_path: Path) -> None:
    write(tmp_path, STEEL)
    (tmp_path / "sample_submission.csv").write_text("ImageId,EncodedPixels\nz.png,1 1\n")
    assert list(segzoo.open_dataset(tmp_path).splits()["all"]) == ["a.png", "b.png"]


def test_images_that_are_not_listed_are_background_where_that_is_said(tmp_path: Path) -> None:
    write(tmp_path, STEEL, "a.png", "b.png", "c.png")
    assert "c.png" not in segzoo.open_dataset(tmp_path).splits()["all"]
    assert not segzoo.open_dataset(tmp_path, unlisted=True).read("c.png").mask.any()


def test_segzoo_finds_nothing_wrong_with_it_and_it_goes_to_worker_processes(tmp_path: Path) -> None:
    dataset = pickle.loads(pickle.dumps(segzoo.open_dataset(write(tmp_path, STEEL))))
    assert check(dataset, split(dataset), quiet=True).errors == {}


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("EncodedPixels,ImageId\n1 2,a.png\n", "needs the image's name in its first column"),
        ("ImageId,EncodedPixels\n", "lists no images"),
        ("ImageId,ClassId,EncodedPixels\na.png\n", "row 2 of .* isn't whole"),
        ("ImageId,ClassId,EncodedPixels\na.png,,1 2\n", "row 2 of .* names no class"),
        ("ImageId,EncodedPixels\nnowhere.png,1 2\n", "has 0 folders with nowhere.png"),
    ],
)
def test_a_table_that_can_not_be_used_says_why(tmp_path: Path, table: str, reason: str) -> None:
    with pytest.raises(segzoo.DataError, match=reason):
        segzoo.open_dataset(write(tmp_path, table), "rle")


def test_runs_beyond_the_image_are_an_error_that_names_it(tmp_path: Path) -> None:
    dataset = segzoo.open_dataset(write(tmp_path, "ImageId,EncodedPixels\na.png,20 9\n"))
    with pytest.raises(segzoo.DataError, match=r"the EncodedPixels of a\.png, class object, can't be used"):
        dataset.read("a.png")
