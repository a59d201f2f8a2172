"""Models by folder or hub id, a few of which stay loaded."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from threading import Lock

from segzoo.errors import OptionError
from segzoo.loading.from_pretrained import from_pretrained
from segzoo.model import SegmentationModel
from segzoo.publishing.config import NAME
from segzoo.studio.settings import Settings

KEPT = 2
"""Models that stay loaded: as many as are compared."""


class Models:
    """What visitors may load. Twenty who ask for the same model get one."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._loaded: OrderedDict[tuple[str, int], SegmentationModel] = OrderedDict()
        self._lock = Lock()

    def get(self, name: str | None) -> SegmentationModel:
        """A model, in eval mode.

        :param name: a folder or hub id.
        :raises OptionError: without a name, or for a model that this studio doesn't offer.
        :raises CheckpointError: when it can't be read; PluginError when a plugin of it is missing.
        """
        name = (name or "").strip()
        if not name:
            raise OptionError("choose a model: the folder of one, or its id on the hub, such as user/roads")
        if self.settings.is_closed and name not in self.settings.models:
            raise OptionError(f"this studio offers {', '.join(self.settings.models) or 'no models'}, got {name!r}")
        with self._lock:
            key = name, _written(Path(name))
            if key not in self._loaded:
                while len(self._loaded) >= KEPT:
                    self._loaded.popitem(last=False)
                self._loaded[key] = from_pretrained(name).to(self.settings.device).eval()
            self._loaded.move_to_end(key)
            return self._loaded[key]


def _written(folder: Path) -> int:
    """When the model was saved, so that one that is saved anew is loaded anew; 0 of what isn't on this machine."""
    try:
        return (folder / NAME).stat().st_mtime_ns
    except (OSError, ValueError):  # such as a name that is too long, or holds a null byte
        return 0
