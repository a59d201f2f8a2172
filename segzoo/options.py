"""Options, declared by the annotations of a constructor, and held against them.

`width: Annotated[int, Ge(1)] = 256` takes a whole number from 1 on. Options are plain data, since models are saved with
them as JSON; an annotation of anything else, and a parameter without one, is not checked. This file imports no torch.
"""

from __future__ import annotations

import inspect
import json
import re
import typing
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, cached_property
from types import SimpleNamespace
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, Len, Lt, MultipleOf

from segzoo.errors import OptionError

# What many decoders declare. Upper limits keep a mistaken number from building for hours.

Width = Annotated[int, Ge(1), Le(65536)]
"""Channels of a map."""
Width32 = Annotated[int, MultipleOf(32), Ge(32), Le(65536)]
"""Channels that group norm's 32 groups share out."""
Widths = Annotated[Sequence[Width], Len(1, 16)]
"""Channels of several maps."""
Count = Annotated[int, Ge(1), Le(256)]
"""How often something is repeated."""
Sizes = Annotated[Sequence[Annotated[int, Ge(1), Le(1024)]], Len(1, 16)]
"""Sides, dilations or ratios, in pixels or cells."""
Places = Annotated[Sequence[Annotated[int, Ge(0), Le(63)]], Len(1, 64)]
"""Of entries in a list, counted from 0."""
Values = Mapping[str, Any]
"""Names and values: the options of something else, which checks them."""
Kernel = Literal[1, 3, 5, 7]
"""Of a convolution that keeps the size."""
Stride = Annotated[int, Ge(1), Le(64)]
"""Image pixels per map pixel."""
OutputStride = Literal[8, 16] | None
"""The wish for an encoder that is dilated to that stride; None wishes for nothing."""
Dropout = Annotated[float, Ge(0), Lt(1)]
"""How likely a value or a channel is dropped in training."""
Interpolation = Literal["nearest", "bilinear", "bicubic"]
"""How a map is resized."""
Upsample = Literal["nearest", "bilinear", "bicubic", "transposed", "pixelshuffle", "dysample", "carafe"]
"""How a map grows to a finer one's size: an interpolation, or a layer that learns; see `segzoo.nn.make_upsampler`."""
Norm = Literal["batchnorm2d", "groupnorm", "groupnorm1", "layernorm2d"] | None
"""The norm after each convolution, by timm's name; "groupnorm" has 32 groups, and None is no norm."""

EMPTY = inspect.Parameter.empty
NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
MEANING = re.compile(r":param (\w+): (.*?)(?=\n\s*:|\n\n|\Z)", re.DOTALL)


@dataclass(frozen=True)
class Option:
    """An option as it is declared.

    :param default: `inspect.Parameter.empty` where it has none.
    :param annotation: with `Annotated`'s limits; `inspect.Parameter.empty` where there is none.
    """

    name: str
    default: Any
    annotation: Any

    @cached_property
    def schema(self) -> Mapping[str, Any] | None:
        """JSON schema of its values; None where the annotation is of more than plain data."""
        return self._checked[1] if self._checked else None

    @property
    def takes(self) -> str | None:
        """Its values in words; None where any is taken."""
        return _describe(self.schema) if self.schema else None

    def accepts(self, value: Any) -> bool:
        """Whether the value is of the declared type and within limits: True is no number, "3" and 3.0 no whole one."""
        from pydantic import ValidationError

        if self._checked is None or value is self.default:
            return True
        try:
            given = json.dumps(value, allow_nan=False)
            return _same(json.loads(given), self._checked[0].validate_json(given))
        except (TypeError, ValueError, RecursionError, ValidationError):
            return False

    @cached_property
    def _checked(self) -> tuple[Any, Mapping[str, Any]] | None:
        """What validates a value, and its schema."""
        from pydantic import ConfigDict, TypeAdapter
        from pydantic.errors import PydanticUserError

        if self.annotation is EMPTY:
            return None
        try:
            adapter = TypeAdapter(self.annotation, config=ConfigDict(strict=True, allow_inf_nan=False))
            schema = adapter.json_schema(schema_generator=_plain_data())
            _describe(schema)
        except (PydanticUserError, KeyError):  # more than plain data
            return None
        return adapter, schema


def declared_options(taker: Callable[..., Any], filled: Collection[str] = ()) -> dict[str, Option]:
    """The options of a class or function, by name.

    :param filled: the arguments that are no options, since the core gives them.
    """
    function = inspect.unwrap(taker.__init__ if isinstance(taker, type) else taker)  # type: ignore[misc]
    return {
        name: Option(name, parameter.default, _annotation(function, parameter))
        for name, parameter in inspect.signature(taker).parameters.items()
        if parameter.kind in NAMED and name not in filled
    }


def is_open(taker: Callable[..., Any]) -> bool:
    """Whether a class or function takes options beyond those that it names."""
    return any(each.kind is each.VAR_KEYWORD for each in inspect.signature(taker).parameters.values())


def check_options(
    who: str, declared: Mapping[str, Option], given: Mapping[str, Any], others_allowed: bool = False
) -> None:
    """Hold options against their declaration.

    :param who: for messages.
    :param others_allowed: whether options that aren't declared are taken too.
    :raises OptionError: for an option that isn't there, naming those that are; for a value that isn't taken, with the
        type and the range of those that are.
    """
    for name, value in given.items():
        if name in declared:
            if not declared[name].accepts(value):
                raise OptionError(f"{who} needs {name} as {declared[name].takes}, got {value!r}")
        elif not others_allowed:
            near = get_close_matches(str(name), declared, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            has = f"it has {', '.join(declared)}" if declared else "it has none"
            raise OptionError(f"{who} has no option {name!r}{hint} ({has})")


def meanings(documented: object) -> dict[str, str]:
    """What a docstring says of each parameter, by name."""
    found = MEANING.findall(inspect.getdoc(documented) or "")
    return {name: " ".join(meaning.split()) for name, meaning in found}


def _annotation(function: Callable[..., Any], parameter: inspect.Parameter) -> Any:
    """A parameter's annotation, resolved; none where it names what can't be found at run time."""
    if parameter.annotation is EMPTY:
        return EMPTY
    alone = SimpleNamespace(__annotations__={parameter.name: parameter.annotation})
    try:
        names = getattr(function, "__globals__", {})
        return typing.get_type_hints(alone, globalns=names, include_extras=True)[parameter.name]
    except Exception:  # whatever evaluating a third party's text may raise
        return EMPTY


def _same(given: Any, validated: Any) -> bool:
    """Whether validation changed no type, but for whole numbers where any number is taken: 1 isn't True, nor 1.0."""
    if isinstance(given, list):
        return all(map(_same, given, validated))
    return isinstance(given, dict) or type(given) is type(validated) or (type(given), type(validated)) == (int, float)


@cache
def _plain_data() -> type[Any]:
    """Makes schemas, of annotations that JSON can tell in full."""
    from pydantic.errors import PydanticInvalidForJsonSchema
    from pydantic.json_schema import GenerateJsonSchema

    class PlainData(GenerateJsonSchema):
        def emit_warning(self, kind: Any, detail: str) -> None:
            raise PydanticInvalidForJsonSchema(detail)

    return PlainData


NOUNS = {
    "boolean": ("True or False", "True or False"),
    "integer": ("a whole number", "whole numbers"),
    "number": ("a number", "numbers"),
    "string": ("a text", "texts"),
    "null": ("None", "None"),
    "object": ("names and values", "names and values"),
}
OTHER_TYPES = {"title", "format", "pattern"}  # mark values that Python has a type of its own for, as paths
LIMITS = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "to below"}


def _describe(schema: Mapping[str, Any], many: bool = False) -> str:
    """A schema in words.

    :param many: whether several such values are spoken of.
    :raises KeyError: where some part of it takes what these words don't tell.

    >>> _describe({"anyOf": [{"type": "integer", "minimum": 1, "maximum": 9}, {"type": "null"}]})
    'a whole number from 1 to 9, or None'
    """
    *others, last = dict.fromkeys(_phrases(schema, many))
    return f"{', '.join(others)}{',' * (' ' in others[-1])} or {last}" if others else last


def _phrases(schema: Mapping[str, Any], many: bool) -> Iterator[str]:
    if OTHER_TYPES & schema.keys():
        raise KeyError(*schema)
    if "anyOf" in schema:
        for choice in schema["anyOf"]:
            yield from _phrases(choice, many)
    elif "enum" in schema or "const" in schema:
        yield from map(repr, schema.get("enum", [schema.get("const")]))
    elif schema["type"] == "array":
        yield _describe_list(schema, many)
    else:
        step = schema.get("multipleOf")
        noun = NOUNS[schema["type"]][many] if step is None else f"{'multiples' if many else 'a multiple'} of {step}"
        limits = [f"{word} {schema[limit]}" for limit, word in LIMITS.items() if limit in schema]
        yield " ".join([noun, *limits, *(["on"] if limits and limits[-1].startswith("from") else [])])


def _describe_list(schema: Mapping[str, Any], many: bool) -> str:
    noun = "lists" if many else "a list"
    if "prefixItems" in schema:
        return f"{noun} of {', '.join(_describe(each) for each in schema['prefixItems'])}"
    return (
        f"{noun} of {_count(schema.get('minItems', 0), schema.get('maxItems'))}{_describe(schema['items'], many=True)}"
    )


def _count(least: int, most: int | None) -> str:
    if most is None:
        return f"{least} or more " if least else ""
    return f"{least} " if least == most else f"{least} to {most} " if least else f"up to {most} "
