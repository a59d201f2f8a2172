"""Everything that a run depends on, in one file that repeats it."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from segzoo.errors import OptionError
from segzoo.files import write_whole

FILE = "run.yaml"
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


class Settings(BaseModel):
    """How a pair is trained on data. What is None follows the recipe for the pair, or the data.

    :param data: the path of the dataset.
    :param form: the dataset that reads it; found out if None.
    :param data_options: of that dataset.
    :param encoder: by name.
    :param decoder: by name.
    :param model_options: further arguments of `segzoo.create_model`, such as `auxiliary` or the decoder's options.
    :param pretrained: whether the encoder starts from published weights; where there are any if None.
    :param steps: of the optimiser.
    :param epochs: passes over the training images, in place of `steps`.
    :param minutes: the time that training may take: fewer steps where those would take longer.
    :param batch_size: images of a step, over all processes.
    :param crop: height and width of what is trained on; the images' own size up to 512 if None.
    :param learning_rate: of the decoder, at its peak.
    :param encoder_rate: how much of it the encoder gets.
    :param weight_decay: of all but norms and biases.
    :param layer_decay: of the rate, from layer to layer of a transformer.
    :param warmup: the share of the steps in which the rate rises.
    :param schedule: how it falls.
    :param clip: the largest norm of the gradient; 0 doesn't clip.
    :param freeze_encoder: whether the encoder stays as it is.
    :param average: how much of the weights' moving average stays at each step, such as 0.999; no average if None.
    :param sync_batchnorm: whether batch norms see the images of all devices.
    :param grad_checkpointing: whether memory is saved for time.
    :param precision: as Lightning has it: `"32-true"`, `"bf16-mixed"`, `"16-mixed"`.
    :param accumulate: parts that a step's images are computed in, one after the other.
    :param loss: terms with weights; if None `ce+dice`, and that of a decoder of queries is of its masks.
    :param mask_loss: what that one is to have otherwise, as `segzoo.losses.MaskLoss` takes it.
    :param instances: whether a decoder of queries learns to tell objects apart; if None where it can and the data does.
    :param class_weights: of each class, or `"balanced"` by how rare each is.
    :param label_smoothing: of those terms that have it.
    :param auxiliary_weight: how much each auxiliary head's loss counts.
    :param augment: whether images are scaled, cropped, mirrored and changed in colour.
    :param scale: the range of factors by which they are scaled.
    :param flip: how likely they are mirrored, left to right.
    :param vertical: how likely they are mirrored top to bottom, which suits images from above.
    :param validation: the share, or number, of samples that are kept for validation where the data isn't split.
    :param validate_every: steps between validations, each of which ends in a checkpoint; a tenth of the run if None.
    :param workers: processes that read images; chosen by the machine's cores if None.
    :param seed: of all that chance decides.
    :param broken: what to do about a sample that can't be read.
    :param accelerator: as Lightning has it: `"auto"`, `"cpu"`, `"gpu"`.
    :param devices: how many of them, on each machine.
    :param nodes: machines.
    :param strategy: as Lightning has it: `"auto"`, `"ddp"`, `"fsdp"`.
    :param loggers: besides `metrics.csv`: `"tensorboard"`, `"wandb"`, `"mlflow"`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    data: str
    form: str | None = None
    data_options: dict[str, Any] = {}
    encoder: str
    decoder: str
    model_options: dict[str, Any] = {}
    pretrained: bool | None = None
    steps: Count | None = None
    epochs: Positive | None = None
    minutes: Positive | None = None
    batch_size: Count = 8
    crop: tuple[Count, Count] | None = None
    learning_rate: Positive | None = None
    encoder_rate: Positive | None = None
    weight_decay: Annotated[float, Field(ge=0)] | None = None
    layer_decay: Annotated[float, Field(gt=0, le=1)] | None = None
    warmup: Annotated[float, Field(ge=0, lt=1)] | None = None
    schedule: Literal["poly", "cosine"] | None = None
    clip: Annotated[float, Field(ge=0)] | None = None
    freeze_encoder: bool = False
    average: Share | None = None
    sync_batchnorm: bool = False
    grad_checkpointing: bool = False
    precision: Literal["32-true", "bf16-mixed", "16-mixed", "bf16-true", "64-true"] = "32-true"
    accumulate: Count = 1
    loss: str | dict[str, float] | None = None
    mask_loss: dict[str, Any] = {}
    instances: bool | None = None
    class_weights: Literal["balanced"] | list[Annotated[float, Field(ge=0)]] | None = None
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    auxiliary_weight: Annotated[float, Field(ge=0)] = 0.4
    augment: bool = True
    scale: tuple[Positive, Positive] = (0.5, 2.0)
    flip: Annotated[float, Field(ge=0, le=1)] = 0.5
    vertical: Annotated[float, Field(ge=0, le=1)] = 0.0
    validation: Positive = 0.2
    validate_every: Count | None = None
    workers: Annotated[int, Field(ge=0)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    broken: Literal["raise", "skip"] = "raise"
    accelerator: Literal["auto", "cpu", "gpu", "mps"] = "auto"
    devices: Count | Literal["auto"] = 1
    nodes: Count = 1
    strategy: Literal["auto", "ddp", "fsdp"] = "auto"
    loggers: list[str] = []

    @model_validator(mode="after")
    def _fit_together(self) -> Settings:
        if self.steps is not None and self.epochs is not None:
            raise ValueError("give steps or epochs, not both")
        if self.scale[0] > self.scale[1]:
            raise ValueError(f"scale={self.scale} is no range; give the smaller factor first")
        if self.batch_size % self.accumulate:
            raise ValueError(f"batch_size={self.batch_size} can't be shared out over accumulate={self.accumulate}")
        return self

    @classmethod
    def of(cls, **given: Any) -> Settings:
        """Check what was given.

        :raises OptionError: for a setting that isn't there, or a value that it doesn't take; all of them are named.
        """
        try:
            return cls(**given)
        except ValidationError as error:
            found = [
                f"{'.'.join(map(str, each['loc'])) or 'settings'}: {each['msg']}"
                + (f", got {each['input']!r}" if each["loc"] and each["type"] != "missing" else "")
                for each in error.errors()
            ]
            raise OptionError(f"settings that can't be used: {'; '.join(found)}") from error


def read_settings(path: str | PathLike[str]) -> Settings:
    """Read a run's file.

    :raises OptionError: when it can't be read, or a setting isn't valid.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise OptionError(f"{path} can't be read as a run's settings: {error}") from error
    if not isinstance(content, dict):
        raise OptionError(f"{path} holds no settings: expected a name and a value on each line")
    return Settings.of(**{str(key): value for key, value in content.items()})


def write_settings(settings: Settings, path: str | PathLike[str]) -> None:
    """Write a run's file, which `segzoo train` takes in place of the data.

    :raises OptionError: when it can't be written.
    """
    write_whole(path, yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True))
