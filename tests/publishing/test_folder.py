"""Crashes and full disks at every step: the old folder stands or the new one, never a half."""

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import segzoo
from segzoo.publishing.folder import replacing, standing

OLD = {"config.json": "old", "model.safetensors": "old weights", "notes/kept.txt": "kept"}
NEW = {**OLD, "config.json": "new", "model.safetensors": "new weights"}
STEPS = {
    "open",
    "os.mkdir",
    "os.rename",
    "os.link",
    "os.listdir",
    "os.scandir",
    "os.remove",
    "os.rmdir",
    "shutil.rmtree",
}
MORE_THAN_ENOUGH = 100
COMPLETED, CRASHED, TOLD = 0, 1, 2

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="crashes are those of a forked process")


def content(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


def make_old(folder: Path) -> None:
    for name, text in OLD.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def write_new(folder: Path) -> None:
    with replacing(folder) as new:
        for name in ("config.json", "model.safetensors"):
            (new / name).write_text(NEW[name])


def crash() -> None:
    os._exit(CRASHED)


def disk_full() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def interrupted_at(step: int, interrupt: Callable[[], None], folder: Path) -> int:
    """Write the new folder in another process, and interrupt it before one of its steps."""
    process = os.fork()
    if process == 0:
        done = 0

        def count(event: str, arguments: object) -> None:
            nonlocal done
            done += event in STEPS
            if event in STEPS and done == step:
                interrupt()

        try:
            sys.addaudithook(count)
            write_new(folder)
        except segzoo.CheckpointError:
            os._exit(TOLD)
        except BaseException:
            os._exit(CRASHED)
        os._exit(COMPLETED)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


@pytest.mark.slow
@pytest.mark.parametrize("interrupt", [crash, disk_full])
def test_at_every_step_the_old_folder_stands_or_the_new(interrupt: Callable[[], None], tmp_path: Path) -> None:
    seen = []
    for step in range(1, MORE_THAN_ENOUGH):
        folder = tmp_path / str(step) / "model"
        make_old(folder)
        status = interrupted_at(step, interrupt, folder)
        found = content(standing(folder))
        assert found in (OLD, NEW), step
        seen.append((status, found == NEW, folder.exists()))
        if status == TOLD:
            assert content(folder) == OLD, step
        write_new(folder)
        assert content(folder) == NEW, step
        if [each[0] for each in seen[-5:]] == [COMPLETED] * 5:  # beyond the last step
            break
    assert (COMPLETED, True, True) in seen
    assert len(seen) > 15
    if interrupt is crash:
        assert (CRASHED, False, False) in seen  # between the two renames
        assert (CRASHED, True, True) in seen
    else:
        assert (TOLD, False, True) in seen


def test_nothing_is_left_beside_the_folder(tmp_path: Path) -> None:
    make_old(tmp_path / "model")
    write_new(tmp_path / "model")
    assert os.listdir(tmp_path) == ["model"]


def test_nothing_is_left_when_writing_fails(tmp_path: Path) -> None:
    make_old(tmp_path / "model")

    def write() -> None:
        with replacing(tmp_path / "model") as new:
            (new / "config.json").write_text("new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert os.listdir(tmp_path) == ["model"]
    assert content(tmp_path / "model") == OLD


def test_what_an_old_crash_left_is_removed(tmp_path: Path) -> None:
    forgotten, recent = tmp_path / ".model.0a.new", tmp_path / ".model.0b.new"
    forgotten.mkdir()
    recent.mkdir()
    os.utime(forgotten, (0, 0))
    write_new(tmp_path / "model")
    assert sorted(os.listdir(tmp_path)) == [".model.0b.new", "model"]


def test_other_files_are_linked_or_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_old(tmp_path / "model")
    kept = tmp_path / "model" / "notes" / "kept.txt"
    before = kept.stat().st_ino
    write_new(tmp_path / "model")
    assert kept.stat().st_ino == before

    def no_links(*arguments: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    write_new(tmp_path / "model")
    assert kept.stat().st_ino != before
    assert content(tmp_path / "model") == NEW


def test_a_linked_folder_is_replaced_where_it_is(tmp_path: Path) -> None:
    make_old(tmp_path / "real")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_new(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert content(tmp_path / "real") == NEW


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("precious")
    with pytest.raises(segzoo.CheckpointError, match="is no folder"):
        write_new(tmp_path / "model")
    assert (tmp_path / "model").read_text() == "precious"


def test_the_current_directory_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in (Path(), tmp_path, tmp_path.parent):
        with pytest.raises(segzoo.CheckpointError, match="holds the current directory"):
            write_new(folder)


def test_a_folder_within_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(segzoo.CheckpointError, match=r"can't be written: .*(Not a directory|File exists)"):
        write_new(tmp_path / "file" / "model")
