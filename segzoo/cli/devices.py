"""Where a command's model runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segzoo.errors import OptionError

if TYPE_CHECKING:
    from segzoo.model import SegmentationModel


def move(model: SegmentationModel, device: str) -> SegmentationModel:
    """Put a model on a device.

    :raises OptionError: for one that isn't there.
    """
    try:
        return model.to(device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0]
        raise OptionError(f"the model can't be put on {device!r}: {reason}; try cpu, or cuda") from error
