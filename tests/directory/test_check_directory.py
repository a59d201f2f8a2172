"""`tools/check_directory.py`: what becomes of plugins that work, fail, lie or hang, one beside the other."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from listed import write_document
from throwaway import IMPORT_RAISES, provides

import check_directory
import segzoo
from environments import CheckError
from segzoo.directory import Conformance, Directory, Findings, read_directory
from segzoo.directory.listing import read_listing

WORKING = provides("datasets", "DatasetSpec(name='pairs', target='nowhere:Pairs')")
HANGING = "import time\ntime.sleep(3600)"
SOURCES = {"works": WORKING, "lies": WORKING, "broken": IMPORT_RAISES, "hangs": HANGING}
PATIENCE = 60


def write_wheel(folder: Path, name: str, source: str) -> None:
    """A wheel of one module, announced as a plugin."""
    module, stem = f"segzoo_{name}", f"segzoo_{name}-1.5"
    files = {
        f"{module}.py": f"import segzoo\n{source}\n",
        f"{stem}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: segzoo-{name}\nVersion: 1.5\n",
        f"{stem}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{stem}.dist-info/entry_points.txt": f"[segzoo]\n{name} = {module}\n",
    }
    record = "".join(f"{file},,\n" for file in [*files, f"{stem}.dist-info/RECORD"])
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as archive:
        for file, text in {**files, f"{stem}.dist-info/RECORD": record}.items():
            archive.writestr(file, text)


def entry(name: str, **provided: list[str]) -> dict[str, Any]:
    return {
        "distribution": f"segzoo-{name}",
        "summary": name,
        "homepage": "https://example.org",
        "later": "kept",
        **(provided or {"datasets": ["pairs"]}),
    }


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A document of four plugins, one that no index has, and one entry that isn't valid, after its check."""
    folder = tmp_path_factory.mktemp("index")
    for name, source in SOURCES.items():
        write_wheel(folder, name, source)
    file = folder / "directory.json"
    file.write_text(
        write_document(
            entry("hangs"),
            entry("broken"),
            entry("absent"),
            {"distribution": "segzoo-half"},
            entry("lies", decoders=["pairs"]),
            entry("works"),
        )
    )
    arguments = ["--file", str(file), "--find-links", str(folder), "--no-index", "--patience", str(PATIENCE)]
    result = CliRunner().invoke(check_directory.main, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return file


def read(file: Path) -> Directory:
    return read_directory(file.read_bytes(), "here")


def result_of(file: Path, name: str) -> Conformance:
    (found,) = (listing.conformance for listing in read(file).listings if listing.distribution == f"segzoo-{name}")
    assert found
    return found


@pytest.mark.slow
def test_a_plugin_that_loads_and_provides_what_it_lists_passes(checked: Path) -> None:
    found = result_of(checked, "works")
    assert found.passed
    assert found.versions["segzoo-works"] == "1.5"
    assert found.versions["segzoo-torch"] == segzoo.__version__
    assert {"torch", "timm", "python"} <= found.versions.keys()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("hangs", f"no end within {PATIENCE} seconds: segzoo.cli plugins show segzoo-hangs"),
        ("broken", "plugin broken is broken: RuntimeError: no GPU today"),
        ("absent", "No matching distribution found for segzoo-absent"),
        ("lies", "it provides no decoder 'pairs', which its entry lists"),
    ],
)
def test_a_plugin_that_fails_is_a_result_and_the_others_are_checked(checked: Path, name: str, error: str) -> None:
    found = result_of(checked, name)
    assert error in str(found.error)
    assert not found.passed


@pytest.mark.slow
def test_entries_that_are_not_valid_and_fields_of_later_versions_stay_as_they_are(checked: Path) -> None:
    entries = json.loads(checked.read_text())["plugins"]
    assert entries[3] == {"distribution": "segzoo-half"}
    assert [each.get("later") for each in entries] == ["kept"] * 3 + [None] + ["kept"] * 2


ROW = {"name": "ocr", "status": "ready", "error": None, "provides": [{"kind": "decoder", "name": "ocr"}]}


@pytest.mark.parametrize(
    ("changes", "lists", "error"),
    [
        ({"status": "conflict", "error": "taken"}, {"decoders": ["ocr"]}, "plugin ocr is conflict: taken"),
        ({}, {"decoders": ["ocr"], "necks": ["bend"]}, "it provides no neck 'bend'"),
    ],
)
def test_what_an_entry_lists_must_be_there(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], lists: dict[str, list[str]], error: str
) -> None:
    monkeypatch.setattr(check_directory, "Environment", Pretended)
    monkeypatch.setattr(Pretended, "row", ROW | changes)
    assert error in str(check_directory.check(read_listing(entry("ocr", **lists)), [], 1).error)


def test_findings_are_told_apart_by_their_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_directory, "Environment", Pretended)
    result = check_directory.check(read_listing(entry("ocr", decoders=["ocr"])), [], 1)
    assert result.findings == {
        "decoder ocr": Findings(passed=("sizes",), failed={"onnx": "no operator"}, skipped={"driven": "no tokens"})
    }
    assert check_directory.summary(result) == "decoder ocr fails onnx"


def test_what_was_found_before_it_hangs_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_directory, "Environment", Pretended)
    monkeypatch.setattr(Pretended, "row", {**ROW, "provides": [*ROW["provides"], {"kind": "neck", "name": "hangs"}]})
    result = check_directory.check(read_listing(entry("ocr", decoders=["ocr"], necks=["hangs"])), [], 1)
    assert list(result.findings) == ["decoder ocr"]
    assert result.error == "no end within 1 seconds"


def test_a_distribution_that_is_not_listed_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "directory.json"
    file.write_text(write_document(entry("works")))
    result = CliRunner().invoke(check_directory.main, ["segzoo-wroks", "--file", str(file)])
    assert result.exit_code == 2
    assert "doesn't list segzoo-wroks" in result.stderr
    assert file.read_text() == write_document(entry("works"))


def test_only_what_was_asked_for_is_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(check_directory, "Environment", Pretended)
    file = tmp_path / "directory.json"
    file.write_text(write_document({"distribution": "segzoo-half"}, entry("a"), entry("ocr", decoders=["ocr"])))
    CliRunner().invoke(check_directory.main, ["segzoo-ocr", "--file", str(file)], catch_exceptions=False)
    assert ["conformance" in each for each in json.loads(file.read_text())["plugins"]] == [False, False, True]


class Pretended:
    """An environment that answers at once."""

    row: dict[str, Any] = ROW

    def __init__(self, *arguments: object) -> None:
        pass

    def install(self, *arguments: object) -> None:
        pass

    def segzoo(self, command: str, name: str, *options: str) -> Any:
        if command == "plugins":
            return [{"version": "1.5", **self.row}]
        if name == "hangs":
            raise CheckError("no end within 1 seconds")
        return [
            {"check": "sizes", "status": "pass", "reason": ""},
            {"check": "onnx", "status": "fail", "reason": "no operator"},
            {"check": "driven", "status": "skipped", "reason": "no tokens"},
        ]

    def one_line(self, text: str) -> str:
        return text
