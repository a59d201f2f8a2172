"""What a folder's JSON files say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

import segzoo

LARGEST_BYTE = 255


def with_defaults(source: segzoo.Checkpoint, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """A config, completed: transformers may leave out what is at its default."""
    return {**defaults, **source.config}


def expect(who: str, config: Mapping[str, Any], **wanted: Any) -> None:
    """Hold settings against the only values that can be brought in.

    :raises CheckpointError: naming the first that differs.
    """
    for name, value in wanted.items():
        got = config.get(name)
        if (list(got) if isinstance(got, list | tuple) else got) != value:
            raise segzoo.CheckpointError(
                f"this {who} can't be imported: its {name} is {got!r}, and segzoo's has no other than {value!r}"
            )


def labels_of(config: Mapping[str, Any], classes: int) -> Mapping[str, segzoo.Labels]:
    """The names of the classes, unless they are transformers' placeholders."""
    by_id = config.get("id2label") or {}
    names = [by_id.get(str(number)) for number in range(classes)]
    if not all(isinstance(name, str) for name in names) or len(by_id) != classes:
        return {}
    if names == [f"LABEL_{number}" for number in range(classes)]:
        return {}
    return {"logits": segzoo.Labels(tuple(str(name) for name in names))}


def preprocessing_of(source: segzoo.Checkpoint) -> segzoo.Preprocessing | None:
    """What the folder's image processor makes of a picture; None where it has none."""
    if not (source.path / "preprocessor_config.json").is_file():
        return None
    said = source.json("preprocessor_config.json")
    channels = source.config.get("num_channels", 3)
    mean, std = [0.0] * channels, [1.0] * channels
    if said.get("do_normalize", True):
        mean, std = said.get("image_mean") or mean, said.get("image_std") or std
    largest = LARGEST_BYTE * said.get("rescale_factor", 1 / LARGEST_BYTE) if said.get("do_rescale", True) else 255.0
    try:
        return segzoo.Preprocessing(tuple(each / largest for each in mean), tuple(each / largest for each in std))
    except (TypeError, ZeroDivisionError) as error:
        raise segzoo.CheckpointError(f"preprocessor_config.json has no usable mean and std: {error}") from error


def needed(weights: Mapping[str, Tensor], name: str) -> Tensor:
    """A weight that says how large a part is.

    :raises CheckpointError: when it isn't there.
    """
    if name not in weights:
        raise segzoo.CheckpointError(f"the weights lack {name}, which config.json's architecture has")
    return weights[name]
