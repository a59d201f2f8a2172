"""A peer's constructors: what a script calls there, as what segzoo builds. `segzoo.compat` stands on this."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import Signature
from typing import Any

from torch import Tensor

from segzoo.importer import Importer
from segzoo.preprocessing import Preprocessing


@dataclass(frozen=True, kw_only=True)
class Construction:
    """What a call of a peer's constructor comes to.

    :param arguments: for `segzoo.create_model`.
    :param rename: gives the peer's weights, of the whole model or of a part, segzoo's names.
    :param encoder_weights: the hub id of the published weights that the peer's encoder begins from; None for none, and
        where `arguments` ask for them as `pretrained`.
    :param preprocessing: what those weights expect; the encoder's own if None.
    :param losses: what the peer's model would have had and this one hasn't.
    """

    arguments: Mapping[str, Any]
    rename: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]
    encoder_weights: str | None = None
    preprocessing: Preprocessing | None = None
    losses: tuple[str, ...] = ()


class ConstructorsImporter(Importer):
    """Base of importers that know the peer's constructors as well as its checkpoints."""

    def signatures(self) -> Mapping[str, Signature]:
        """The constructors by name, with the peer's arguments, their order and their defaults."""
        raise NotImplementedError

    def encoders(self) -> Sequence[str]:
        """The encoders that the constructors take by a name of the peer's own."""
        raise NotImplementedError

    def construct(self, name: str, given: Mapping[str, Any]) -> Construction:
        """Translate a call.

        :param name: one of `signatures()`.
        :param given: the arguments, by the names that the signature has.
        :raises CheckpointError: for what segzoo has no counterpart of, saying which part and why.
        """
        raise NotImplementedError
