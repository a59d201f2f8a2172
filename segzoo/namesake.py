"""Another project called segzoo: the package index has one, for genomics, with our import name and our command.

Its `segzoo/__init__.py` and its command `segzoo` overwrite ours where it is installed later, and ours overwrite them
where we are. Each `import segzoo` runs this file, so it looks at the names of files and imports nothing that is slow:
`importlib.metadata` alone would take longer than the whole import.
"""

import os
import sys
import warnings

FIX = "`pip uninstall segzoo`, then `pip install --force-reinstall --no-deps segzoo-torch`"
"""The second command brings back the files that the first one takes away."""


def installed() -> str | None:
    """The version of the other project that is installed, from the path's folders of metadata; None if it isn't."""
    for folder in sys.path:
        try:
            names = os.listdir(folder or os.curdir)
        except (OSError, TypeError):  # no folder, as the path may have
            continue
        for name in names:
            version, dot, kind = name.removeprefix("segzoo-").rpartition(".")
            if dot and kind in ("dist-info", "egg-info") and name.startswith("segzoo-") and version[:1].isdigit():
                return version.partition("-")[0]
    return None


def said(version: str) -> str:
    """What is wrong when both are installed, in one line."""
    return (
        f"the distribution 'segzoo' {version} is installed too: that is another project, for genomics, whose files "
        "stand where ours do; ours is 'segzoo-torch'"
    )


def warn() -> None:
    """Warn the one who imports segzoo, once a process, when both are installed."""
    if version := installed():
        warnings.warn(f"{said(version)}. To mend it: {FIX}", stacklevel=3)
