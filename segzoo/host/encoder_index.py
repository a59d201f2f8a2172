"""What an encoder source knows of its encoders before any is built: no torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from segzoo.host.facts import EncoderFacts


class EncoderIndex(ABC):
    """The names of a source's encoders, and what is known of each beforehand.

    A `segzoo.EncoderSource` is one. A source whose module is slow to import has another in a module that imports no
    torch, which its descriptor names as `index`: listings, typing errors and questions about one encoder are then
    answered without the source, which derives from its index so that the two agree.
    """

    @abstractmethod
    def names(self) -> Sequence[str]:
        """The architectures, for listings."""

    def resolves(self, name: str) -> bool:
        """Whether `create` takes that name; more than `names` where a source knows tags or hub addresses."""
        return name in self.names()

    def known_facts(self, name: str) -> EncoderFacts | None:
        """What is known beforehand of an encoder, without building it; None where nothing is."""
        return None
