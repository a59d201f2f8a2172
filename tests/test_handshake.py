import dataclasses
import json

import pytest
import torch
from synthetic import synthetic
from torch import nn

import segzoo


class Recorder(segzoo.Decoder):
    """Sums its maps; the tests set its declarations."""

    finest_stride = 4

    def __init__(self, stages, width=4):
        super().__init__(stages, out_channels=width)
        self.laterals = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in stages.channels)

    def forward(self, features):
        size = features[0].shape[-2:]
        return sum(segzoo.nn.resize(lateral(f), size) for lateral, f in zip(self.laterals, features, strict=True))


def declared(**attributes):
    return type("Declared", (Recorder,), attributes)


@pytest.mark.parametrize(
    ("pattern", "attributes", "stages"),
    [
        ("resnet", {}, (2, 3, 4, 5)),
        ("mit", {}, (2, 3, 4, 5)),
        ("levit", {}, (4, 5, 6)),
        ("levit", {"placeholders": True, "finest_stride": 8}, (3, 4, 5, 6)),
        ("dilated", {}, (2, 3, 4, 5)),
        ("resnet", {"coarsest_stride": 16}, (2, 3, 4)),
        ("resnet", {"finest_stride": 16}, (4, 5)),
    ],
)
def test_stages_are_selected_by_stride(pattern, attributes, stages):
    if attributes.get("placeholders"):
        offer = synthetic(pattern).spec
        assert declared(**attributes).negotiate(offer).stages == stages
    else:
        assert segzoo.plan(synthetic(pattern), declared(**attributes)).stages == stages


def test_too_few_stages_fail_before_any_weight_with_decoders_that_would_fit():
    with pytest.raises(segzoo.NegotiationError, match=r"needs 5 stage\(s\) from stride 4 on.*offers 4.*unet"):
        segzoo.plan(synthetic("mit"), declared(least_stages=5))


def test_a_selection_of_unwelcome_placeholders_is_a_contract_error():
    class Sloppy(Recorder):
        @classmethod
        def negotiate(cls, offer, **options):
            return segzoo.Selection((1, 2))

    with pytest.raises(segzoo.ContractError, match="welcomes no placeholders"):
        segzoo.plan(synthetic("mit"), Sloppy)


def test_a_selection_beyond_the_offer_is_a_contract_error():
    class Greedy(Recorder):
        @classmethod
        def negotiate(cls, offer, **options):
            return segzoo.Selection((2, 9))

    with pytest.raises(segzoo.ContractError, match="was offered 6 entries"):
        segzoo.plan(synthetic("resnet"), Greedy)


@pytest.mark.parametrize("stages", [(), (2, 2), (3, 2)])
def test_a_selection_names_stages_once_each_in_order(stages):
    with pytest.raises(segzoo.ContractError, match="once each"):
        segzoo.Selection(stages)


def test_roles_must_match_the_stages():
    with pytest.raises(segzoo.ContractError, match="one role per stage"):
        segzoo.Selection((1, 2), roles=("skip",))


def test_a_decoder_of_undeclared_width_is_a_contract_error():
    class Wide(Recorder):
        def forward(self, features):
            return torch.cat([super().forward(features)] * 2, dim=1)

    with pytest.raises(segzoo.ContractError, match=r"declares features \(B, 4, h, w\)"):
        segzoo.plan(synthetic("resnet"), Wide)


def test_one_resolution_and_a_wish_for_a_pyramid_give_a_neck():
    plan = segzoo.plan(synthetic("plain_vit"), declared(pyramid=True))
    assert plan.neck is not None
    assert plan.spec.select(plan.stages).strides == (4, 8, 16, 32)
    assert [row.origin for row in plan.rows] == ["image", "placeholder", "neck", "neck", "neck", "neck"]


@pytest.mark.parametrize("pattern", ["resnet", "mit", "levit", "vgg"])
def test_a_pyramid_needs_no_neck(pattern):
    assert segzoo.plan(synthetic(pattern), declared(pyramid=True)).neck is None


def test_a_neck_can_be_refused_and_the_plan_says_so():
    plan = segzoo.plan(synthetic("plain_vit"), declared(pyramid=True), neck=None)
    assert plan.neck is None
    assert any("neck=None" in refusal for refusal in plan.refusals)


def test_a_neck_can_be_forced():
    assert segzoo.plan(synthetic("plain_vit"), Recorder, neck="simple_pyramid").neck is not None


def test_an_unknown_neck_is_an_error():
    with pytest.raises(segzoo.UnknownNameError, match="simple_pyramid"):
        segzoo.plan(synthetic("plain_vit"), Recorder, neck="simple_pyramids")


def test_a_neck_that_lies_is_caught():
    class Lying(segzoo.Neck):
        def __init__(self, offer, stages):
            super().__init__(offer, stages)
            self.spec = segzoo.FeatureSpec((*offer.channels[:-1], 99), offer.strides)

        def forward(self, features):
            return list(features)

    with pytest.raises(segzoo.ContractError, match="declared 99 channels"):
        segzoo.plan(synthetic("plain_vit"), Recorder, neck=Lying)


@pytest.mark.parametrize("wish", [{"output_stride": 8}, {"prefix": "concat"}])
def test_a_wish_that_cannot_be_granted_becomes_a_note(wish):
    plan = segzoo.plan(synthetic("resnet"), declared(**wish))
    assert any(next(iter(wish)) in refusal and "not granted" in refusal for refusal in plan.refusals)


def test_a_wish_that_can_be_granted_is_and_the_decoder_is_asked_again():
    plan = segzoo.plan("resnet18", declared(output_stride=8))
    assert plan.request.output_stride == 8
    assert plan.spec.select(plan.stages).strides == (4, 8, 8, 8)
    assert [row.origin for row in plan.rows][-2:] == ["dilated", "dilated"]


def test_an_option_that_the_selection_settles_builds_the_decoder_and_stands_in_the_plan():
    class Settling(Recorder):
        def __init__(self, stages, width=None):
            super().__init__(stages)
            self.settled = width

        @classmethod
        def negotiate(cls, offer, **options):
            return dataclasses.replace(super().negotiate(offer), options={"width": offer.strides[-1]})

    model = segzoo.create_model(synthetic("resnet"), Settling, classes=2)
    assert model.plan.decoder_options == {"width": 32}
    assert model.decoder.settled == 32
    assert model.config["decoder_options"] == {}  # as it was asked for


def test_a_selection_can_settle_only_options_that_the_decoder_has():
    class Misspelt(Recorder):
        @classmethod
        def negotiate(cls, offer, **options):
            return dataclasses.replace(super().negotiate(offer), options={"widht": 8})

    with pytest.raises(segzoo.OptionError, match="widht"):
        segzoo.plan(synthetic("resnet"), Misspelt)


def test_an_encoder_that_is_fine_enough_is_not_dilated():
    plan = segzoo.plan("resnet18", declared(output_stride=16), depth=4)
    assert plan.request.output_stride is None
    assert plan.refusals == ()


def test_a_wish_for_a_stride_that_dilation_does_not_give_is_refused():
    with pytest.raises(segzoo.OptionError, match="8, 16 or None, got 12"):
        segzoo.plan("resnet18", declared(output_stride=12))


def test_the_same_wish_by_the_user_is_a_demand():
    with pytest.raises(segzoo.NegotiationError):
        segzoo.plan("mit_b0", "segformer", encoder_options={"output_stride": 8})


def test_what_the_user_demands_no_decoder_s_wish_replaces():
    plan = segzoo.plan("resnet18", declared(output_stride=8), encoder_options={"output_stride": 16})
    assert plan.request.output_stride == 16
    assert plan.spec.strides[-1] == 16
    assert plan.refusals == ("wish output_stride=8 not granted: 16 was demanded",)


def test_a_demand_that_is_the_wish_leaves_no_note():
    plan = segzoo.plan("resnet18", declared(output_stride=8), encoder_options={"output_stride": 8})
    assert (plan.spec.strides[-1], plan.refusals) == (8, ())


def test_planning_allocates_no_weights(monkeypatch):
    built = []
    construct = nn.Conv2d.__init__
    monkeypatch.setattr(
        nn.Conv2d, "__init__", lambda self, *args, **kwargs: (construct(self, *args, **kwargs), built.append(self))[0]
    )
    segzoo.plan("mit_b0", "unet")
    assert built
    assert {conv.weight.device.type for conv in built} == {"meta"}


def test_a_plan_survives_json():
    plan = segzoo.plan("mit_b0", "unet", img_size=(64, 96), strict_size=True, decoder_options={"widths": [8] * 5})
    assert segzoo.Plan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan


@pytest.mark.parametrize("broken", [{}, {"encoder": {}}, {"encoder": 3}])
def test_what_is_no_plan_is_refused(broken):
    with pytest.raises(segzoo.CheckpointError, match="no plan"):
        segzoo.Plan.from_dict(broken)


def test_a_plan_prints_each_stage_and_the_notes():
    text = str(segzoo.plan(synthetic("mit"), declared(output_stride=8)))
    assert "placeholder" in text
    assert "used" in text
    assert "note: wish output_stride=8 not granted" in text


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"in_channels": 0}, "in_channels is a whole number from 1 on, got 0"),
        ({"in_channels": 2.5}, "in_channels"),
        ({"depth": 0}, "depth is a whole number from 1 on, got 0"),
        ({"img_size": (1, 2, 3)}, "img_size"),
        ({"img_size": 0}, "img_size"),
        ({"classes": 0}, "1 class or more, got 0"),
        ({"classes": True}, "1 class or more"),
        ({"classes": 3, "heads": {"mask": 2}}, "either classes=N or heads"),
        ({"heads": {}}, "heads is a dict"),
        ({"heads": {"a.b": 2}}, "head's name"),
        ({"heads": {"keys": 2}}, "head's name"),
        ({"heads": {"mask": 0}}, "got 0 for 'mask'"),
        ({"decoder_options": {"widht": 3}}, "did you mean 'width'"),
        ({"decoder_options": {"width": 0}}, "needs width as a whole number from 1 to 65536, got 0"),
        ({"encoder_options": {"nonsense": 3}}, "nonsense"),
    ],
)
def test_options_out_of_range_are_refused(options, told):
    with pytest.raises(segzoo.OptionError, match=told):
        segzoo.plan("mit_b0", "segformer", **options)


@pytest.mark.parametrize(("encoder", "decoder"), [("mit_b9", "unet"), ("mit_b0", "unett")])
def test_unknown_names_come_with_near_ones(encoder, decoder):
    with pytest.raises(segzoo.UnknownNameError, match=r"did you mean '(mit_b|unet)"):
        segzoo.plan(encoder, decoder)


@pytest.mark.parametrize(
    ("encoder", "decoder", "told"),
    [
        ("unet", "resnet34", "'unet' is a decoder: give the encoder first"),
        ("mit_b0", "resnet34", "'resnet34' is an encoder: give the encoder first"),
        ("segzoo:unet", "mit_b0", "'segzoo:unet' is a decoder: give the encoder first"),
    ],
)
def test_encoder_and_decoder_in_each_others_place_are_told_so(encoder, decoder, told):
    with pytest.raises(segzoo.UnknownNameError, match=told):
        segzoo.create_model(encoder, decoder, classes=3)


@pytest.mark.parametrize(("encoder", "decoder"), [(3, "unet"), ("mit_b0", nn.Conv2d), ("mit_b0", None)])
def test_what_is_neither_name_nor_class_nor_module_is_refused(encoder, decoder):
    with pytest.raises(segzoo.OptionError):
        segzoo.plan(encoder, decoder)


def test_a_module_built_already_takes_no_options():
    with pytest.raises(segzoo.OptionError, match="built already"):
        segzoo.plan(synthetic("resnet"), "unet", depth=3)


def test_an_encoder_class_is_constructed_with_its_options():
    plan = segzoo.plan(synthetic, "unet", in_channels=5, encoder_options={"pattern": "dilated_16"})
    assert plan.encoder_spec.channels[0] == 5
    assert plan.encoder_spec.strides[-1] == 16


class ColoursOnly(segzoo.Encoder):
    def __init__(self):
        super().__init__(segzoo.FeatureSpec(channels=(3, 8, 8), strides=(1, 2, 4)))

    def forward(self, image):
        finer = image.mean(1, keepdim=True).repeat(1, 8, 1, 1)[..., ::2, ::2]
        return self.complete(image, {1: finer, 2: finer[..., ::2, ::2]})


def test_an_encoder_class_that_asks_for_no_channels_takes_colours():
    assert segzoo.plan(ColoursOnly, "unet").encoder_spec.channels[0] == 3
    with pytest.raises(segzoo.OptionError, match="ColoursOnly has no option 'in_channels'"):
        segzoo.plan(ColoursOnly, "unet", in_channels=5)


def test_a_decoder_module_serves_an_encoder_that_it_is_built_for():
    encoder = synthetic("resnet")
    decoder = Recorder(encoder.spec.select((2, 3, 4, 5)))
    assert segzoo.create_model(encoder, decoder, classes=2).decoder is decoder


def test_a_decoder_module_built_for_other_stages_is_refused():
    decoder = Recorder(synthetic("resnet").spec.select((2, 3)))
    with pytest.raises(segzoo.NegotiationError, match="is built for"):
        segzoo.plan(synthetic("resnet"), decoder)
