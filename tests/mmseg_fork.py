"""mmsegmentation's kept fork as a peer: its heads run on today's torch without mmcv's compiled operators.

Its distributions pin others that clash with ours, so they are installed without dependencies into a folder of their
own, which only the tests that ask for the fixture `mmseg` see. That takes a minute; `SEGZOO_MMSEG=FOLDER` names a
folder that has them already:

    pip install --no-deps --target FOLDER $(python tests/mmseg_fork.py)
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import peers

DISTRIBUTIONS = (
    "mmcv-lite==2.2.0",
    "onedl-mmengine==0.10.12",
    "onedl-mmsegmentation==1.4.2",
    *("addict", "yapf", "termcolor", "prettytable", "ftfy", "wcwidth", "opencv-python-headless"),
)


def install(folder: Path) -> ModuleType:
    """Its module of decode heads, such as `DAHead`.

    :param folder: to install into, unless there is one already.
    """
    peers.install(DISTRIBUTIONS, folder, "SEGZOO_MMSEG")
    return importlib.import_module("mmseg.models.decode_heads")


if __name__ == "__main__":
    print(*DISTRIBUTIONS)
