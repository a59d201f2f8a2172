"""Documents of the plugin directory."""

import json
from pathlib import Path
from typing import Any

import pytest

from segzoo.directory import document

OCR = {
    "distribution": "segzoo-ocr",
    "summary": "Object context",
    "homepage": "https://example.org",
    "decoders": ["ocr"],
}
KIT = {**OCR, "distribution": "kit", "decoders": ["ocr", "mine"], "encoders": ["tiny"], "necks": ["bend"]}


def write_document(*entries: Any, form: Any = document.FORMAT) -> str:
    return json.dumps({"format": form, "plugins": entries})


def ship(monkeypatch: pytest.MonkeyPatch, folder: Path, *entries: Any) -> None:
    """Have these entries come with segzoo."""
    file = folder / "shipped.json"
    file.write_text(write_document(*entries))
    monkeypatch.setattr(document, "SHIPPED_COPY", file)
