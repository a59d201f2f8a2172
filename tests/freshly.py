"""Discovery begun anew, as in a new process."""

import pytest

from segzoo.host import registry, sources


def discover_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what was discovered, the sources made and their failures; all come back when the test ends."""
    monkeypatch.setattr(registry, "_discovered", None)
    monkeypatch.setattr(sources, "_instances", {})
    monkeypatch.setattr(sources, "_failures", {})
