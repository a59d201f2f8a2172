"""What transformers' architectures share: all that a folder's JSON files say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import segzoo

LARGEST_BYTE = 255


class TransformersArchitecture(segzoo.Architecture):
    """One of them, named as transformers' class.

    :cvar defaults: transformers may leave out of a config what is at its default.
    :cvar same: settings that can have one value only.
    :cvar classifier: the weight whose first axis is the classes.
    """

    defaults: ClassVar[Mapping[str, Any]]
    same: ClassVar[Mapping[str, Any]] = {}
    classifier: ClassVar[str] = "decode_head.classifier.weight"

    def recognises(self, checkpoint: segzoo.Checkpoint) -> bool:
        return self.name in (checkpoint.config.get("architectures") or [])

    def config(self, checkpoint: segzoo.Checkpoint) -> dict[str, Any]:
        """The config, completed.

        :raises CheckpointError: when it has what segzoo hasn't.
        """
        config = {**self.defaults, **checkpoint.config}
        expect(self.name.removesuffix("ForSemanticSegmentation"), config, **self.same)
        return config

    def classes(self, checkpoint: segzoo.Checkpoint) -> int:
        """How many there are."""
        return checkpoint.weight(self.classifier).shape[0]

    def preprocessing(self, checkpoint: segzoo.Checkpoint) -> segzoo.Preprocessing | None:
        return preprocessing_of(checkpoint)

    def labels(self, checkpoint: segzoo.Checkpoint) -> Mapping[str, segzoo.Labels]:
        return labels_of(checkpoint.config, self.classes(checkpoint))


def expect(who: str, config: Mapping[str, Any], **wanted: Any) -> None:
    """Hold settings against the only values that can be imported.

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


def preprocessing_of(checkpoint: segzoo.Checkpoint) -> segzoo.Preprocessing | None:
    """What the folder's image processor makes of a picture; None where it has none."""
    if not (checkpoint.path / "preprocessor_config.json").is_file():
        return None
    said = checkpoint.json("preprocessor_config.json")
    channels = checkpoint.config.get("num_channels", 3)
    mean, std = [0.0] * channels, [1.0] * channels
    if said.get("do_normalize", True):
        mean, std = said.get("image_mean") or mean, said.get("image_std") or std
    largest = LARGEST_BYTE * said.get("rescale_factor", 1 / LARGEST_BYTE) if said.get("do_rescale", True) else 255.0
    try:
        return segzoo.Preprocessing(tuple(each / largest for each in mean), tuple(each / largest for each in std))
    except (TypeError, ZeroDivisionError) as error:
        raise segzoo.CheckpointError(f"preprocessor_config.json has no usable mean and std: {error}") from error
