"""Files written whole, or left as they were."""

import os

import pytest

import segzoo
from segzoo.files import check_writable, replacing, write_whole


def test_what_is_written_is_whole_or_the_old_one(tmp_path, monkeypatch):
    target = tmp_path / "page.html"
    target.write_text("old")
    monkeypatch.setattr(os, "replace", lambda *paths: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(segzoo.OptionError, match="No space left"):
        write_whole(target, "new")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    assert target.read_text() == "old"


@pytest.mark.parametrize("path", ["nowhere/page.html", "."])
def test_a_file_that_can_t_be_written_is_an_error_beforehand(tmp_path, path):
    with pytest.raises(segzoo.OptionError, match="can't write to"):
        check_writable(tmp_path / path)


def test_looking_whether_a_file_can_be_written_leaves_none(tmp_path):
    check_writable(tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


def test_an_interrupted_writer_leaves_the_old_file(tmp_path):
    path = tmp_path / "results.json"
    path.write_text("old")

    def interrupted():
        with replacing(path) as partial:
            partial.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
