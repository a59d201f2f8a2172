"""Options as they are declared: what is taken, what is refused, and what the error says."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest
from annotated_types import Ge, Len, Lt, MultipleOf
from synthetic import EVERY_DECODER, small, synthetic
from torch import nn

import segzoo
from segzoo.handshake.decoder_options import decoder_options
from segzoo.host import registry
from segzoo.options import EMPTY, Option, check_options, declared_options, meanings

if TYPE_CHECKING:
    from fractions import Fraction

Colour = Enum("Colour", ["RED", "GREEN"])
DECODERS = segzoo.list_decoders()
ODD = [
    *(None, True, -1, 0, 1, 65536, 10**9, 10**400, -0.5, 1.0, 1.5, 8.0, float("nan"), float("inf"), 1j),
    *("", "x", "3", b"x", {}, {"a": 1}, {1}, object(), object, range(3)),
    *([], [0], [1.5], [True], ["x"], [None], [[1]], (1, 2), [65536] * 5, [1] * 17),
]


def declared(decoder: str) -> dict[str, Option]:
    return dict(decoder_options(registry.find_decoder(decoder).load()).declared)


# Every decoder, every option


@pytest.mark.parametrize("decoder", EVERY_DECODER)
def test_an_odd_value_of_any_option_gives_a_plan_or_an_error_of_segzoo(decoder: str) -> None:
    encoder = synthetic("resnet")
    untyped = []
    for option in declared(decoder):
        for value in ODD:
            try:
                segzoo.plan(encoder, decoder, decoder_options={**small(decoder), option: value})
            except segzoo.SegzooError:
                continue
            except Exception as error:
                untyped.append((option, value, error))
    assert untyped == []


@pytest.mark.parametrize("decoder", DECODERS)
def test_each_option_of_the_zoo_is_declared_in_full(decoder: str) -> None:
    assert [name for name, option in declared(decoder).items() if option.takes is None] == []


@pytest.mark.parametrize("decoder", DECODERS)
def test_each_default_of_the_zoo_is_as_declared(decoder: str) -> None:
    assert [each for each in declared(decoder).values() if not replace(each, default=EMPTY).accepts(each.default)] == []


@pytest.mark.parametrize("decoder", DECODERS)
def test_each_option_of_the_zoo_is_described(decoder: str) -> None:
    assert set(declared(decoder)) - set(meanings(registry.find_decoder(decoder).load())) == set()


@pytest.mark.parametrize("decoder", DECODERS)
def test_no_option_of_the_zoo_has_two_declarations(decoder: str) -> None:
    options = decoder_options(registry.find_decoder(decoder).load())
    assert options.constructing.keys() & options.negotiating.keys() == set()


OUT_OF_RANGE = {
    "ann": [{"width": 0}, {"grids": []}, {"key_width": 0}],
    "apcnet": [{"grids": [0]}, {"grids": [65]}],
    "ccnet": [{"reduction": 0}, {"recurrence": 0}],
    "danet": [{"key_width": 0}, {"output_stride": 4}],
    "cgrseg": [{"width": 0}, {"blocks": 0}, {"band": 4}, {"dropout": 1}],
    "ddrnet": [{"width": 0}, {"pool_width": 0}, {"head_width": "64"}],
    "deeplabv3": [{"rates": [0]}, {"project_kernel": 2}, {"dropout": 1}, {"head_dropout": 1}, {"output_stride": 4}],
    "deeplabv3plus": [{"low_width": 0}, {"project_kernel": 5}, {"fuse_convs": 0}, {"output_stride": 32}],
    "dmnet": [{"filters": []}, {"filters": [32]}],
    "dnl": [{"reduction": 0}, {"temperature": 0}],
    "dpt": [
        *({"width": 0}, {"readout": "add"}, {"reassemble_widths": [16, 24, 32]}),
        *({"readout_act": "relu"}, {"residual_bias": 1}, {"output_size": "whole"}, {"align_corners": "logits"}),
    ],
    "efficientvit": [{"blocks": -1}, {"expansion": 0}, {"final_expansion": 0}],
    "emanet": [{"bases": 0}, {"steps": 0}, {"momentum": 1.1}, {"context_width": 0}],
    "emcad": [{"kernels": []}, {"kernels": [2]}, {"expansion": 0}, {"gate_kernel": 2}],
    "encnet": [{"codewords": 0}, {"laterals": 1}],
    "fcn": [{"width": 0}, {"convs": 0}, {"output_stride": 7}],
    "fpn": [{"width": 48}, {"pyramid_width": 0}, {"merge": "mean"}, {"upsample": "area"}],
    "gcnet": [{"reduction": 0}, {"width": 7}],
    "isanet": [{"window": 0}, {"window": 257}, {"key_width": 0}],
    "knet": [{"inner": None}, {"inner_options": []}, {"steps": 0}, {"hidden": 0}],
    "lightham": [{"width": 48}, {"ham_width": 0}, {"rank": 0}, {"train_steps": 0}, {"eval_steps": 0}],
    "linear": [{"output_stride": 4}, {"blocks": 0}, {"blocks": "all"}, {"dropout": 1.0}],
    "manet": [{"widths": [16]}, {"position_width": 0}, {"reduction": 0}, {"attention": None}],
    "nnunet": [{"convs": 0}, {"norm": "instance"}, {"finest_stride": 0}],
    "nonlocal": [{"width": 0}, {"reduction": 0}, {"dropout": 1}],
    "ocrnet": [{"width": 0}, {"key_width": 0}, {"coarse_width": 0}],
    "pointrend": [{"inner": 1}, {"pixels_per_point": 0}, {"width": 0}, {"layers": 0}, {"finest_stride": 0}],
    "pidnet": [{"width": 0}, {"pool_width": 0}, {"head_width": 0}, {"light": 1}],
    "ppliteseg": [{"widths": [16]}, {"attention": "both"}, {"grids": []}, {"head_width": 0}],
    "pspnet": [{"pool_width": 0}, {"grids": []}, {"kernel": 2}, {"head_kernel": 0}],
    "sapiens2": [{"grow_widths": []}, {"widths": [0]}, {"grow": "bilinear"}],
    "segformer": [{"width": 0}, {"dropout": 1.0}, {"finest_stride": 1}, {"upsample": "sapa"}],
    "segmenter": [{"width": 100}, {"blocks": 0}],
    "transunet": [{"bottleneck": 0}, {"widths": [16]}, {"align_corners": 1}],
    "umixformer": [{"width": 0}, {"head_width": 0}, {"expansion": 0}, {"dropout": 1}],
    "unet": [{"widths": [16]}, {"widths": [64, 32, 16, 8, 0]}, {"attention": "self"}, {"norm": "instancenorm2d"}],
    "unet3plus": [{"width": 0}, {"finest_stride": 0}],
    "unetplusplus": [{"widths": [16]}, {"attention": "gate"}, {"upsample": "carafe"}],
    "unetr": [{"width": 0}],
    "upernet": [{"grids": []}, {"grids": [0, 2]}, {"dropout": -0.1}],
    "vwformer": [{"width": 100}, {"heads": 3}, {"ratios": []}, {"ratios": [5]}, {"window": 0}],
}


@pytest.mark.parametrize(
    ("decoder", "options"), [(decoder, options) for decoder, each in OUT_OF_RANGE.items() for options in each]
)
def test_what_is_out_of_range_is_refused_by_name(decoder: str, options: dict[str, Any]) -> None:
    with pytest.raises(segzoo.OptionError, match=rf"{decoder} needs.* {next(iter(options))}\b|width for each of"):
        segzoo.plan(synthetic("resnet"), decoder, decoder_options=options)


def test_groups_that_cannot_share_out_the_channels_are_refused_with_norms_that_can() -> None:
    with pytest.raises(segzoo.OptionError, match=r"no norm 'groupnorm' of 16 channels: take 'batchnorm2d'"):
        segzoo.plan(synthetic("resnet"), "unet", decoder_options={"norm": "groupnorm"})


# What an annotation takes


@pytest.mark.parametrize(
    ("annotation", "takes", "accepted", "refused"),
    [
        (int, "a whole number", [0, -3, 10**30], [True, 1.0, "3", None, [1], float("nan")]),
        (Annotated[int, Ge(1)], "a whole number from 1 on", [1], [0, -1]),
        (Annotated[int, MultipleOf(32), Ge(32)], "a multiple of 32 from 32 on", [32], [0, 48]),
        (Annotated[float, Ge(0), Lt(1)], "a number from 0 to below 1", [0, 0.5], [1, -0.1, False, float("nan"), "0"]),
        (float, "a number", [1, 1.5], [float("inf"), float("nan"), True, 1j]),
        (bool, "True or False", [True], [1, 0, "true", None]),
        (str, "a text", ["", "x"], [b"x", 1, None]),
        (Literal["add", "cat"], "'add' or 'cat'", ["add"], ["ADD", b"add", None]),
        (Literal[8, 16] | None, "8, 16 or None", [8, None], [8.0, "8", 32]),
        (Literal[1, 3], "1 or 3", [1], [True, 1.0]),
        (Sequence[int], "a list of whole numbers", [[1], (1, 2), []], [1, "12", b"12", {1}, [True], [1.0], range(2)]),
        (Annotated[Sequence[int], Len(2, 2)], "a list of 2 whole numbers", [[1, 2]], [[1]]),
        (Annotated[Sequence[int], Len(0, 3)], "a list of up to 3 whole numbers", [[]], [[1] * 4]),
        (Annotated[Sequence[int], Len(1)], "a list of 1 or more whole numbers", [[1]], [[]]),
        (Annotated[Sequence[int], Len(1, 3)], "a list of 1 to 3 whole numbers", [[1]], [[], [1] * 4]),
        (tuple[int, ...], "a list of whole numbers", [(1,), [1, 2]], [["x"]]),
        (tuple[int, str], "a list of a whole number, a text", [(1, "a"), [1, "a"]], [(1,), ("a", 1)]),
        (list[list[int]], "a list of lists of whole numbers", [[[1], []]], [[1]]),
    ],
)
def test_an_annotation_takes(annotation: Any, takes: str, accepted: list[Any], refused: list[Any]) -> None:
    option = Option("option", EMPTY, annotation)
    assert option.takes == takes
    assert [value for value in accepted if not option.accepts(value)] == []
    assert [value for value in refused if option.accepts(value)] == []


@pytest.mark.parametrize(
    "annotation", [EMPTY, Any, nn.Module, Path, bytes, Colour, Callable[..., Any] | str, str | type[nn.Module], list]
)
def test_what_is_not_declared_as_plain_data_is_not_checked(annotation: Any) -> None:
    assert Option("option", EMPTY, annotation).accepts(object())


def test_a_default_is_taken_whatever_its_annotation_says() -> None:
    assert Option("option", None, int).accepts(None)


def test_an_annotation_for_type_checkers_alone_spares_the_others() -> None:
    def build(share: Fraction, width: int) -> None: ...

    options = declared_options(build)
    assert (options["share"].takes, options["width"].takes) == (None, "a whole number")


def test_the_error_names_the_part_the_option_the_values_and_the_value() -> None:
    declaration = {"width": Option("width", 256, Annotated[int, Ge(1)])}
    with pytest.raises(segzoo.OptionError, match=r"^mine needs width as a whole number from 1 on, got 'wide'$"):
        check_options("mine", declaration, {"width": "wide"})


def test_an_unknown_option_comes_with_a_near_one_and_all() -> None:
    declaration = declared_options(lambda width=1, depth=2: None)
    with pytest.raises(segzoo.OptionError, match=r"no option 'widht'; did you mean 'width'\? \(it has width, depth\)"):
        check_options("mine", declaration, {"widht": 3})


# Who gets which option


class Counting(segzoo.Decoder):
    """The deepest maps, as many as are asked for, and one option that both need."""

    finest_stride = 2

    def __init__(self, stages: segzoo.FeatureSpec, scale: Annotated[int, Ge(1)] = 2) -> None:
        super().__init__(stages, out_channels=stages.channels[-1])
        self.scale = scale

    @classmethod
    def negotiate(cls, offer: segzoo.FeatureSpec, count: Annotated[int, Ge(1)] = 1, **options: Any) -> segzoo.Selection:
        return segzoo.Selection(super().negotiate(offer).stages[-count:], notes=(f"scale {options['scale']}",))

    def forward(self, features: list[Any]) -> Any:
        return features[-1]


class Open(Counting):
    """A decoder that passes on what it doesn't know."""

    def __init__(self, stages: segzoo.FeatureSpec, **options: Any) -> None:
        super().__init__(stages, **options)


@pytest.mark.parametrize("kind", [Counting, Open])
def test_an_option_that_negotiate_declares_is_not_given_to_the_constructor(kind: type[Counting]) -> None:
    plan = segzoo.plan(synthetic("resnet"), kind, decoder_options={"count": 2})
    assert plan.stages == (4, 5)


def test_negotiate_gets_the_defaults_of_the_constructor() -> None:
    assert segzoo.plan(synthetic("resnet"), Counting).notes == ("scale 2",)


@pytest.mark.parametrize("options", [{"count": 0}, {"count": "2"}, {"scale": 0}])
def test_options_are_validated_before_the_decoder_negotiates(options: dict[str, Any]) -> None:
    with pytest.raises(segzoo.OptionError, match=rf"Counting needs {next(iter(options))} as a whole number from 1 on"):
        segzoo.plan(synthetic("resnet"), Counting, decoder_options=options)


def test_options_that_follow_from_the_offer_are_validated() -> None:
    class Wrong(Counting):
        @classmethod
        def negotiate(cls, offer: segzoo.FeatureSpec, **options: Any) -> segzoo.Selection:
            return replace(super().negotiate(offer, **options), options={"scale": 0})

    with pytest.raises(segzoo.OptionError, match="needs scale as a whole number from 1 on, got 0"):
        segzoo.plan(synthetic("resnet"), Wrong)


def test_options_of_both_kinds_stand_in_the_plan_and_build_the_decoder_again() -> None:
    options = {"blocks": 4, "output_stride": None, "dropout": 0.5}
    plan = segzoo.plan("segzoo:mit/mit_b0", "linear", decoder_options=options)
    again = segzoo.Plan.from_dict(json.loads(json.dumps(plan.to_dict())))
    assert again.decoder_options == options
    assert segzoo.create_model("mit_b0", "linear", classes=2, decoder_options=again.decoder_options).plan == plan


def test_the_options_of_an_encoder_class_are_validated() -> None:
    class Wide(synthetic):
        def __init__(self, in_channels: int = 3, width: Annotated[int, Ge(1)] = 8) -> None:
            super().__init__("resnet", in_channels)

    with pytest.raises(segzoo.OptionError, match="Wide needs width as a whole number from 1 on, got 0"):
        segzoo.plan(Wide, "unet", encoder_options={"width": 0})


@pytest.mark.parametrize("rate", [-0.1, 1, "much", True])
def test_the_options_of_an_encoder_by_name_are_validated(rate: object) -> None:
    with pytest.raises(segzoo.OptionError, match="mit_b0 needs drop_path_rate as a number from 0 to below 1"):
        segzoo.plan("mit_b0", "unet", encoder_options={"drop_path_rate": rate})
