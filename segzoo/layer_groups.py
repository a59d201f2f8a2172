"""Which parameters belong to one layer, in timm's words: what its optimiser factory scales learning rates by."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Matcher = Mapping[str, Any] | Callable[[str], Any]
"""What timm's `group_parameters` takes: groups in order, each a regular expression whose numbers count its layers, or
several of them with what they add to that count; or a function from a parameter's name to its place."""


def prefix_matcher(matcher: Matcher, prefix: str) -> Matcher:
    r"""The matcher for the same parameters within another module.

    :param prefix: what comes before their names there.

    >>> prefix_matcher({"stem": r"^conv1|bn1", "blocks": [(r"^layers\.(\d+)", None)]}, "encoder.")
    {'stem': 'encoder\\.(?:conv1|bn1)', 'blocks': [('encoder\\.(?:layers\\.(\\d+))', None)]}
    """
    if not isinstance(matcher, Mapping):
        return lambda name: matcher(name.removeprefix(prefix)) if name.startswith(prefix) else float("inf")

    def within(pattern: str) -> str:
        own = re.sub(r"(?<!\[)\^", "", pattern)  # timm matches at the start anyway
        return f"{re.escape(prefix)}(?:{own})"

    def within_all(patterns: Any) -> Any:
        if patterns is None or isinstance(patterns, str):
            return patterns and within(patterns)
        return [(within(pattern), added) for pattern, added in patterns]

    return {group: within_all(patterns) for group, patterns in matcher.items()}
