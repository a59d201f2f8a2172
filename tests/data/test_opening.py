"""Finding out which dataset lies at a path, with datasets that the test registers."""

from pathlib import Path

import numpy as np
import pytest
from freshly import discover_anew

import segzoo
from segzoo.data import Dataset, Sample, open_dataset
from segzoo.data.opening import find
from segzoo.errors import DataError, OptionError, UnknownNameError
from segzoo.labels import Labels


class Marked(Dataset):
    """A folder with a file that says so."""

    mark = "marked"

    def __init__(self, path: Path, *, window: int = 512) -> None:
        super().__init__(path)
        self.labels, self.channels, self.window = Labels(("a", "b")), 3, window

    @classmethod
    def recognise(cls, path):
        return f"a file {cls.mark!r}" if (path / cls.mark).exists() else None

    def splits(self):
        return {"all": ["one"]}

    def read(self, name):
        return Sample(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.int64), name)


class AlsoMarked(Marked):
    pass


class Failing(Marked):
    @classmethod
    def recognise(cls, path):
        raise RuntimeError("no luck")


class NoDataset:
    @classmethod
    def recognise(cls, path):
        return None


@pytest.fixture
def register(monkeypatch):
    discover_anew(monkeypatch)

    def add(*kinds: type) -> None:
        for kind in kinds:
            segzoo.register(segzoo.DatasetSpec(name=kind.__name__.lower(), target=f"{__name__}:{kind.__name__}"))

    return add


@pytest.fixture
def marked(tmp_path):
    (tmp_path / "marked").touch()
    return tmp_path


def test_a_folder_is_recognised(register, marked):
    register(Marked)
    opened = find(marked)
    assert (type(opened.dataset), opened.form, opened.why) == (Marked, "marked", "a file 'marked'")


def test_options_reach_the_dataset(register, marked):
    register(Marked)
    assert open_dataset(marked, window=64).window == 64


def test_an_odd_option_is_refused(register, marked):
    register(Marked)
    with pytest.raises(OptionError, match="needs window as a whole number, got '64'"):
        open_dataset(marked, window="64")


def test_an_unknown_option_is_refused(register, marked):
    register(Marked)
    with pytest.raises(OptionError, match="did you mean 'window'"):
        open_dataset(marked, windw=64)


def test_a_form_needs_no_recognition(register, tmp_path):
    register(Marked)
    assert find(tmp_path, "marked").why == ""


def test_an_unknown_form_names_those_near(register, marked):
    register(Marked)
    with pytest.raises(UnknownNameError, match="marked"):
        open_dataset(marked, "markd")


def test_two_that_recognise_it_are_for_the_user_to_choose(register, marked):
    register(Marked, AlsoMarked)
    with pytest.raises(DataError, match=r"several datasets: .*marked.*alsomarked.*say which"):
        open_dataset(marked)


def test_nothing_there_is_an_error(register, tmp_path):
    with pytest.raises(DataError, match="there is nothing at"):
        open_dataset(tmp_path / "missing")


def test_what_no_dataset_recognises_names_all_forms(register, tmp_path):
    register(Marked)
    with pytest.raises(DataError, match=r"isn't recognised as a dataset.*folder.*marked"):
        open_dataset(tmp_path)


def test_a_dataset_that_fails_hides_no_other(register, marked):
    register(Failing, Marked)
    assert type(open_dataset(marked)) is Marked


def test_what_failed_is_said_where_nothing_else_recognises_it(register, tmp_path):
    register(Failing)
    with pytest.raises(DataError, match="runtime:failing failed: RuntimeError: no luck"):
        open_dataset(tmp_path)


def test_a_target_that_is_no_dataset_is_refused(register, tmp_path):
    register(NoDataset)
    with pytest.raises(DataError, match=r"expected a subclass of segzoo\.Dataset"):
        open_dataset(tmp_path, "nodataset")
