"""What is checked: a decoder, encoder or neck, and the cases that it is run in."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import islice
from typing import Any, ClassVar, Generic, TypeVar
from unittest import SkipTest

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from segzoo.contract import FeatureSpec
from segzoo.creation import create_model
from segzoo.decoder import Decoder
from segzoo.encoder import Encoder
from segzoo.errors import NegotiationError, OptionError, PluginError, UnknownNameError
from segzoo.handshake.agreement import construct_decoder
from segzoo.handshake.arguments import Arguments
from segzoo.handshake.decoder_options import decoder_options
from segzoo.handshake.negotiation import negotiate
from segzoo.handshake.parts import find_encoder
from segzoo.head import Classes
from segzoo.host import registry, sources
from segzoo.model import SegmentationModel
from segzoo.neck import Neck
from segzoo.nn.resize import resize
from segzoo.testing.catalogue import CATALOGUE, synthetic_encoder
from segzoo.token_encoder import TokenEncoder, Tokens

CLASSES = 3
SIZE = (32, 64)
"""Height and width that every stride of the catalogue up to 32 divides."""
ODD_SIZE = (79, 65)
"""That none divides."""
WITNESSES = 2
"""Cases that a check of arithmetic runs; negotiation and sizes are checked in all."""

Features = Tensor | list[Tensor]


class Case(ABC):
    """A subject in one place: with one encoder of the catalogue, where it needs one.

    :ivar where: for messages.
    """

    where: str

    @abstractmethod
    def build(self) -> nn.Module:
        """The module alone, on the default device."""

    @abstractmethod
    def inputs(self, size: tuple[int, int] = SIZE, batch: int = 2, device: str = "cpu") -> Features:
        """What the module takes, for an image of that size: random numbers, new at every call."""

    @abstractmethod
    def model(self) -> nn.Module:
        """The module with what it needs to take an image (B, 3, H, W)."""


C = TypeVar("C", bound=Case)


class Subject(ABC, Generic[C]):
    """A decoder, encoder or neck with its options.

    :ivar provided: its descriptor and who provides it; None for a class or module given by hand.
    """

    kind: ClassVar[str]
    provided: registry.Provided[Any] | None = None
    options: Mapping[str, Any]

    @abstractmethod
    def cases(self) -> Iterator[C]:
        """Every case in which it can be built; why not in the others is a check of its own."""

    @property
    @abstractmethod
    def identity(self) -> tuple[Any, ...]:
        """Equal for two subjects that are built alike."""

    def witnesses(self, count: int = WITNESSES) -> list[C]:
        """The first of the cases.

        :raises SkipTest: when there is none.
        """
        found = list(islice(self.cases(), count))
        if not found:
            raise SkipTest("it can be built with no encoder of the catalogue")
        return found


class Surroundings:
    """What is planned around a subject: an encoder of the catalogue and perhaps a neck, on the meta device."""

    def __init__(
        self,
        pattern: str,
        decoder: type[Decoder],
        options: Mapping[str, Any] | None = None,
        neck: str | type[Neck] = "auto",
    ) -> None:
        with torch.device("meta"):
            self.encoder = synthetic_encoder(pattern)
            agreement = negotiate(
                Arguments(
                    encoder=self.encoder, decoder=decoder, classes=CLASSES, neck=neck, decoder_options=options or {}
                )
            )
            self.plan = agreement.plan
            self.neck = agreement.build_neck()

    def encoded(self, size: tuple[int, int], batch: int) -> list[torch.Size]:
        """The shapes of the encoder's list."""
        return [feature.shape for feature in self._encoded(size, batch)]

    def offered(self, size: tuple[int, int], batch: int) -> list[torch.Size]:
        """The shapes that a decoder selects from: the neck's list if there is one."""
        features = self._encoded(size, batch)
        with torch.no_grad():
            return [feature.shape for feature in (self.neck(features) if self.neck else features)]

    def _encoded(self, size: tuple[int, int], batch: int) -> list[Tensor]:
        with torch.no_grad():
            return self.encoder(torch.empty(batch, 3, *size, device="meta"))


class DecoderSubject(Subject["DecoderCase"]):
    """A decoder, by name or class."""

    kind = "decoder"

    def __init__(self, decoder: str | type[Decoder], options: Mapping[str, Any]) -> None:
        if isinstance(decoder, str):
            self.provided = registry.find_decoder(decoder)
            decoder = _loaded(self.provided, Decoder)
        if not (isinstance(decoder, type) and issubclass(decoder, Decoder)):
            raise OptionError(
                f"a decoder to check is a name or a segzoo.Decoder class, got {decoder!r}; the kit builds it itself, "
                "for many encoders"
            )
        decoder_options(decoder).check(decoder.__name__, options)
        self.decoder = decoder
        self.options = options
        self.case = cache(partial(DecoderCase, decoder, options))

    @property
    def identity(self) -> tuple[Any, ...]:
        return self.decoder, self.provided, self.options

    @property
    def refusals(self) -> tuple[type[Exception], ...]:
        """The errors by which it may decline an encoder: options may fit some encoders and not others."""
        return (NegotiationError, OptionError) if self.options else (NegotiationError,)

    def cases(self) -> Iterator[DecoderCase]:
        for pattern in CATALOGUE:
            try:
                yield self.case(pattern)
            except Exception:
                continue


class DecoderCase(Case):
    """A decoder with one encoder of the catalogue.

    It is planned without its forward, which proves the negotiation and the construction alone.

    :raises NegotiationError: when they can't work together; whatever the decoder raises when it is constructed.
    """

    def __init__(self, decoder: type[Decoder], options: Mapping[str, Any], pattern: str) -> None:
        self.where = f"with encoder {pattern!r}"
        self.pattern, self.decoder, self.options = pattern, decoder, options
        mute = type(decoder.__name__, (decoder,), {"forward": _mute, "__module__": decoder.__module__})
        self.surroundings = Surroundings(pattern, mute, options)
        self.plan = self.surroundings.plan
        self.stages = self.plan.spec.select(self.plan.stages)
        self._driven: dict[str, TokenEncoder] = {}

    @property
    def driven(self) -> int:
        """How many of the encoder's blocks it drives."""
        return self.plan.request.tokens or 0

    def decoder_alone(self, classes: int = CLASSES, options: Mapping[str, Any] | None = None) -> Decoder:
        """On the default device, with the options of the plan unless others are given."""
        options = self.plan.decoder_options if options is None else options
        return construct_decoder(self.decoder, self.stages, Classes.of(classes, None), options)

    def build(self, classes: int = CLASSES, options: Mapping[str, Any] | None = None) -> nn.Module:
        decoder = self.decoder_alone(classes, options)
        return DrivingDecoder(self._encoder(), decoder, self.driven) if self.driven else decoder

    def inputs(self, size: tuple[int, int] = SIZE, batch: int = 2, device: str = "cpu") -> Features:
        if self.driven:
            return torch.randn(batch, 3, *size, device=device)
        shapes = self.surroundings.offered(size, batch)
        return [torch.randn(shapes[stage], device=device) for stage in self.plan.stages]

    def map_sizes(self, size: tuple[int, int]) -> list[tuple[int, int]]:
        """Height and width of the maps that it selects of an image of that size."""
        shapes = self.surroundings.offered(size, 1)
        return [(shapes[stage][-2], shapes[stage][-1]) for stage in self.plan.stages]

    def _encoder(self) -> TokenEncoder:
        """That which it drives; on a device always the same."""
        device = torch.get_default_device().type
        if device not in self._driven:
            encoder = synthetic_encoder(self.pattern)
            assert isinstance(encoder, TokenEncoder)  # the catalogue's that offers blocks
            self._driven[device] = encoder
        return self._driven[device]

    def model(self) -> SegmentationModel:
        return create_model(
            synthetic_encoder(self.pattern), self.decoder, classes=CLASSES, decoder_options=self.options
        )


class DrivingDecoder(nn.Module):
    """A decoder that drives an encoder's last blocks, as a module that takes an image.

    The encoder is none of its submodules: the decoder alone is checked.
    """

    def __init__(self, encoder: TokenEncoder, decoder: Decoder, last: int) -> None:
        super().__init__()
        self.decoder = decoder
        self._halt = partial(encoder.halt, last=last)

    def forward(self, image: Tensor) -> Any:
        return self.decoder(self._halt(image))


class EncoderSubject(Subject["EncoderCase"]):
    """An encoder, by name, class or module."""

    kind = "encoder"

    def __init__(self, encoder: str | type[nn.Module] | nn.Module, options: Mapping[str, Any]) -> None:
        self.found = sources.find_encoder(encoder) if isinstance(encoder, str) else None
        self.provided = self.found.provided if self.found else None
        self.part = find_encoder(copy.deepcopy(encoder) if isinstance(encoder, nn.Module) else encoder)
        self.built = isinstance(encoder, nn.Module)
        self.options = options

    def create(self, in_channels: int = 3, depth: int | None = None) -> Encoder:
        """On the default device; a module that was built already is the same each time."""
        arguments = Arguments(
            encoder=None, decoder=None, in_channels=in_channels, depth=depth, encoder_options=self.options
        )
        return self.part.create(arguments.request, False)

    @property
    def identity(self) -> tuple[Any, ...]:
        return self.part.create, self.provided, self.options

    def cases(self) -> Iterator[EncoderCase]:
        yield EncoderCase(self)

    def not_if_built(self) -> None:
        """Leave a check out for an encoder that was given as a module.

        :raises SkipTest: when it was.
        """
        if self.built:
            raise SkipTest("it is built already; give its class or name to have this checked")


class EncoderCase(Case):
    """An encoder as it is."""

    where = "as it is"

    def __init__(self, subject: EncoderSubject) -> None:
        self.subject = subject

    def build(self) -> Encoder:
        return self.subject.create()

    def inputs(self, size: tuple[int, int] = SIZE, batch: int = 2, device: str = "cpu") -> Tensor:
        with torch.device("meta"):
            encoder = self.subject.create()
        return torch.rand(batch, 3, *taken_size(encoder, size), device=device)

    def model(self) -> nn.Module:
        return self.build()


class NeckSubject(Subject["NeckCase"]):
    """A neck, by name or class."""

    kind = "neck"

    def __init__(self, neck: str | type[Neck], options: Mapping[str, Any]) -> None:
        if isinstance(neck, str):
            self.provided = registry.find_neck(neck)
            neck = _loaded(self.provided, Neck)
        if not (isinstance(neck, type) and issubclass(neck, Neck)):
            raise OptionError(f"a neck to check is a name or a segzoo.Neck class, got {neck!r}")
        if options:
            raise OptionError(f"a neck has no options that a plan could pass on, got {dict(options)}")
        self.neck = neck
        self.options = options
        self.case = cache(partial(NeckCase, neck))

    @property
    def identity(self) -> tuple[Any, ...]:
        return self.neck, self.provided

    def cases(self) -> Iterator[NeckCase]:
        for pattern in CATALOGUE:
            try:
                yield self.case(pattern)
            except Exception:
                continue


class NeckCase(Case):
    """A neck between one encoder of the catalogue and a decoder that wishes for a pyramid."""

    def __init__(self, neck: type[Neck], pattern: str) -> None:
        self.where = f"with encoder {pattern!r}"
        self.pattern, self.neck = pattern, neck
        self.surroundings = Surroundings(pattern, _PyramidDecoder, neck=neck)
        self.plan = self.surroundings.plan

    def build(self) -> Neck:
        return self.neck(self.plan.encoder_spec, self.plan.neck_stages)

    def inputs(self, size: tuple[int, int] = SIZE, batch: int = 2, device: str = "cpu") -> list[Tensor]:
        return [torch.randn(shape, device=device) for shape in self.surroundings.encoded(size, batch)]

    def model(self) -> SegmentationModel:
        return create_model(synthetic_encoder(self.pattern), _PyramidDecoder, classes=CLASSES, neck=self.neck)


SUBJECTS: Mapping[str, type[DecoderSubject] | type[EncoderSubject] | type[NeckSubject]] = {
    subject.kind: subject for subject in (DecoderSubject, EncoderSubject, NeckSubject)
}


def kind_of(subject: Any) -> str:
    """Whether that is a decoder, an encoder or a neck.

    :raises UnknownNameError: for a name that is none of them.
    :raises OptionError: for a name that is several, or for no name, class or module.
    """
    if isinstance(subject, str):
        return _kind_of_name(subject)
    kind = subject if isinstance(subject, type) else type(subject)
    if not issubclass(kind, nn.Module):
        raise OptionError(f"what is checked is a name, a class or a module, got {subject!r}")
    return "decoder" if issubclass(kind, Decoder) else "neck" if issubclass(kind, Neck) else "encoder"


def taken_size(encoder: nn.Module, size: tuple[int, int]) -> tuple[int, int]:
    """The size at which the model would give an image of that size to the encoder."""
    sizes = getattr(encoder, "input_spec", None)
    if sizes is None:
        return size
    height, width = (max(length, sizes.minimum) for length in size)
    return sizes.padded((height, width))


class WithoutChance(TorchFunctionMode):
    """Leaves out the drawing of random weights, the most part of building a module of which shapes alone matter."""

    DRAWING = (Tensor.uniform_, Tensor.normal_, nn.init.kaiming_uniform_, nn.init.kaiming_normal_)

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in self.DRAWING:
            return (args[0] if args else kwargs["tensor"]).zero_()
        return func(*args, **kwargs)


def outputs(module: nn.Module, inputs: Features) -> list[Tensor]:
    """The tensors that a module returns for a copy of its inputs, one or several, as a list.

    A copy, so that a module that writes into its inputs fails the one check of that alone.
    """
    output = module(inputs.clone() if isinstance(inputs, Tensor) else [each.clone() for each in inputs])
    return list(tensors(output))


def tensors(output: Any) -> Iterator[Tensor]:
    """The tensors in what a module returned: itself, or those in a list or tuple, at any depth."""
    if isinstance(output, Tensor):
        yield output
    else:
        for each in output:
            yield from tensors(each)


def _loaded(provided: registry.Provided[Any], base: type) -> type[Any]:
    target = provided.load()
    if not (isinstance(target, type) and issubclass(target, base)):
        raise PluginError(f"{provided.id} is no segzoo.{base.__name__}: {provided.descriptor.target} is {target!r}")
    return target


def _kind_of_name(name: str) -> str:
    found = []
    for kind, find in (("decoder", registry.find_decoder), ("neck", registry.find_neck)):
        try:
            find(name)
        except UnknownNameError:
            continue
        found.append(kind)
    if len(found) > 1:
        raise OptionError(f"{name!r} is a {' and a '.join(found)}; say which is meant: --kind, or kind=...")
    if found:
        return found[0]
    try:
        sources.find_encoder(name)
    except UnknownNameError as error:
        raise UnknownNameError(f"there is no decoder, neck or encoder {name!r}: {error}") from error
    return "encoder"


def _mute(self: Decoder, features: list[Tensor] | Tokens) -> Tensor | tuple[Tensor, Tensor]:
    """A forward that returns what is declared, of zeros."""
    finest = features.tokens[:, :1, :, None] if isinstance(features, Tokens) else features[0]
    batch, _, height, width = finest.shape
    if self.emits == "queries":
        return finest.new_zeros(batch, 1, height, width), finest.new_zeros(batch, 1, CLASSES + 1)
    channels = self.out_channels if self.emits == "features" else CLASSES
    return finest.new_zeros(batch, channels, height, width)


class _PyramidDecoder(Decoder):
    """Sums its maps at the finest: the least that needs a pyramid."""

    finest_stride = 2
    pyramid = True

    def __init__(self, stages: FeatureSpec) -> None:
        super().__init__(stages, out_channels=8)
        self.laterals = nn.ModuleList(nn.Conv2d(channels, 8, 1) for channels in stages.channels)

    def forward(self, features: list[Tensor]) -> Tensor:
        size = features[0].shape[-2:]
        levels = [resize(lateral(each), size) for lateral, each in zip(self.laterals, features, strict=True)]
        return torch.stack(levels).sum(dim=0)
