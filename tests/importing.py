"""Importing a foreign checkpoint, as `segzoo.from_pretrained` does once an importer has read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import segzoo


def import_checkpoint(importer: segzoo.Importer, path: Path, **arguments: Any) -> segzoo.SegmentationModel:
    """The model that an importer makes of a folder or file, with every one of its weights, in eval mode."""
    checkpoint = segzoo.Checkpoint(path, arguments)
    assert importer.recognises(checkpoint)
    imported = importer.read(checkpoint)
    model = segzoo.create_model(**imported.arguments)
    model.load_state_dict(dict(imported.weights), strict=True)
    return model.eval()
