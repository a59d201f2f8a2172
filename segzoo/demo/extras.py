"""The libraries that the demo needs besides segzoo's own."""

from __future__ import annotations

from importlib.util import find_spec

from segzoo.errors import MissingExtraError

NEEDED = {
    "sklearn": "scikit-learn",
    "matplotlib": "matplotlib",
    "lightning": "lightning",
    "torchmetrics": "torchmetrics",
}


def require_extras() -> None:
    """Make sure that the demo's libraries are there, without importing them.

    :raises MissingExtraError: naming those that are not.
    """
    missing = [distribution for module, distribution in NEEDED.items() if find_spec(module) is None]
    if missing:
        raise MissingExtraError(f'the demo needs {" and ".join(missing)}: pip install "segzoo-torch[demo]"')
