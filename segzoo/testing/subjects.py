"""What can be checked: a decoder, an encoder or a neck."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from segzoo.decoder import Decoder
from segzoo.errors import OptionError, UnknownNameError
from segzoo.host import registry, sources
from segzoo.neck import Neck
from segzoo.testing.decoder_subject import DecoderSubject
from segzoo.testing.encoder_subject import EncoderSubject
from segzoo.testing.neck_subject import NeckSubject

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
