"""Writes settings.md beside this file, from the settings of a run: `python docs/settings.py`."""

from pathlib import Path
from typing import Any

from tabulate import tabulate

from segzoo.options import meanings
from segzoo.training.settings import Settings

PAGE = Path(__file__).with_name("settings.md")
INTRODUCTION = """# Settings of a run

What `run.yaml` holds, and `segzoo.training.Settings` takes. `segzoo train` has options for the most common;
`--set NAME=VALUE` sets any. Where the default is empty, the recipe for the pair says, or the data does. This page is
written by `python docs/settings.py`.
"""


def page() -> str:
    said = meanings(Settings)
    rows = [(f"`{name}`", _default(field), said[name]) for name, field in Settings.model_fields.items()]
    return f"{INTRODUCTION}\n{tabulate(rows, ['setting', 'default', 'meaning'], 'github', disable_numparse=True)}\n"


def _default(field: Any) -> str:
    if field.is_required():
        return "required"
    return "" if field.default is None else f"`{field.default}`"


if __name__ == "__main__":
    PAGE.write_text(page())
