"""Lightning's loggers by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from segzoo.errors import MissingExtraError, OptionError

KNOWN = {"tensorboard": "TensorBoardLogger", "wandb": "WandbLogger", "mlflow": "MLFlowLogger", "comet": "CometLogger"}
PACKAGES = {"comet": "comet-ml"}


def loggers(names: Sequence[str], folder: Path) -> list[Any]:
    """What a run is also logged to.

    :raises OptionError: for a name that isn't known.
    :raises MissingExtraError: when the logger's own library isn't installed.
    """
    import lightning.pytorch.loggers as theirs

    made = []
    for name in names:
        if name not in KNOWN:
            raise OptionError(f"there is no logger {name!r}; expected some of {', '.join(KNOWN)}")
        place = {"name": folder.name} if name == "wandb" else {}
        try:
            made.append(getattr(theirs, KNOWN[name])(save_dir=str(folder / "logs"), **place))
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                f"the logger {name!r} needs a library: pip install {PACKAGES.get(name, name)}"
            ) from error
    return made
