"""One encoder to stand for each family."""

from __future__ import annotations

from collections.abc import Iterable

from tqdm.auto import tqdm

from segzoo.host import sources
from segzoo.host.facts import EncoderFacts


def smallest_of_each_family(encoders: Iterable[str], *, quiet: bool = False) -> list[str]:
    """The encoder of the fewest parameters of each family, the families in alphabetical order.

    :param encoders: names to choose from.
    :param quiet: no progress bar.
    :raises UnknownNameError: when no plugin provides a name.
    :raises ContractError: when an encoder doesn't do what it declares.
    """
    smallest: dict[str, tuple[str, EncoderFacts]] = {}
    for name in tqdm(list(encoders), "sorting", unit="encoder", delay=2, leave=False, disable=quiet or None):
        facts = sources.find_encoder(name).facts()
        known = smallest.get(facts.family)
        if known is None or facts.parameters < known[1].parameters:
            smallest[facts.family] = (name, facts)
    return [name for _, (name, _) in sorted(smallest.items())]
