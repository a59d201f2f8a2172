"""`segzoo plugins available`."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from listed import KIT, OCR, ship, write_document
from serving import Server

from segzoo.cli import main

FAILED = {"date": "2026-11-27", "findings": {"decoder ocr": {"failed": {"onnx": "no operator"}}}}
PASSED = {"date": "2026-11-27", "versions": {"kit": "3.0"}, "findings": {}}
BROKEN = {"date": "2026-11-27", "error": "pip can't install it"}


def available(*options: str) -> Result:
    result = CliRunner().invoke(main, ["plugins", "available", *options])
    assert result.exit_code == 0
    return result


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (KIT, "not yet"),
        ({**KIT, "conformance": PASSED}, "passed on 2026-11-27"),
        ({**OCR, "conformance": FAILED}, "failed on 2026-11-27: onnx"),
        ({**OCR, "conformance": BROKEN}, "failed on 2026-11-27: pip can't install it"),
    ],
)
def test_a_row_has_the_last_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: Any, said: str) -> None:
    ship(monkeypatch, tmp_path, entry)
    shown = available().stdout
    assert said in shown
    assert entry["distribution"] in shown
    assert "1 plugin" in shown


def test_json_has_all_of_an_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ship(monkeypatch, tmp_path, {**KIT, "conformance": PASSED})
    (row,) = json.loads(available("--json").stdout)
    assert (row["version"], row["encoders"], row["conformance"]["date"]) == ("3.0", ["tiny"], "2026-11-27")


def test_what_is_wrong_is_said_on_stderr(server: Server) -> None:
    server.body = write_document("no entry", OCR).encode()
    assert "Left out: entry 1: " in available().stderr
    server.body = b"<html>"
    result = available("--refresh")
    assert f"can't be asked ({server.address}: expected JSON, got '<html>')" in result.stderr
    assert f"an earlier copy of {server.address}" in result.stderr
    assert "segzoo-ocr" in result.stdout
