"""SMP's `encoders`: names, and how a picture is prepared for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NoReturn

import torch

from segzoo.compat.smp.translating import construct, importer
from segzoo.creation import create_model
from segzoo.errors import OptionError

ARCHITECTURE = "Unet"
"""Any that takes all encoders: the preprocessing is the encoder's."""


def get_encoder_names() -> list[str]:
    """The encoders that SMP has by names of its own and segzoo has too; all of timm's are there as `tu-NAME`."""
    return list(importer().encoders())


def get_preprocessing_params(encoder_name: str, pretrained: str | None = "imagenet") -> dict[str, Any]:
    """Mean and standard deviation of the pictures that an encoder's weights expect, from 0 to 1, RGB.

    :param pretrained: SMP's name of the weights.
    :raises CheckpointError: for an encoder that segzoo hasn't.
    """
    construction = construct(ARCHITECTURE, {"encoder_name": encoder_name, "encoder_weights": pretrained})
    preprocessing = construction.preprocessing
    if preprocessing is None:
        with torch.device("meta"):
            preprocessing = create_model(**{**construction.arguments, "pretrained": False}).preprocessing
    return {
        "input_space": "RGB",
        "input_range": [0, 1],
        "mean": list(preprocessing.mean),
        "std": list(preprocessing.std),
    }


def get_preprocessing_fn(encoder_name: str, pretrained: str | None = "imagenet") -> Callable[..., Any]:
    """The same as a function of a picture; see `preprocess_input`."""
    return partial(preprocess_input, **get_preprocessing_params(encoder_name, pretrained))


def preprocess_input(
    x: Any,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    input_space: str = "RGB",
    input_range: Sequence[float] | None = None,
    **kwargs: Any,
) -> Any:
    """Scale and normalise a picture.

    :param x: a NumPy array (H, W, C), RGB.
    :param mean: of each channel, in the units of `input_range`; likewise `std`.
    :param input_space: `"BGR"` turns the channels round.
    :param input_range: `(0, 1)` divides values that exceed 1 by 255.
    """
    if input_space == "BGR":
        x = x[..., ::-1]
    if input_range is not None and input_range[1] == 1 and x.max() > 1:
        x = x / 255.0
    x = x if mean is None else x - tuple(mean)
    return x if std is None else x / tuple(std)


def get_encoder(*args: Any, **kwargs: Any) -> NoReturn:
    """SMP's encoders alone.

    :raises OptionError: in any case, with what to do instead.
    """
    raise OptionError(
        "segzoo.compat.smp has no encoders without a decoder: take the encoder of segzoo.create_model(NAME, DECODER, "
        "classes=1), whose maps encoder.spec describes, or write the decoder as a segzoo.Decoder"
    )
