import pytest
import torch
from synthetic import PATTERNS, synthetic

import segzoo
from segzoo.testing import CATALOGUE


def test_a_spec_needs_one_stride_per_entry():
    with pytest.raises(segzoo.ContractError, match="one stride per entry"):
        segzoo.FeatureSpec((3, 8), (1,))


@pytest.mark.parametrize(("channels", "strides"), [((-1,), (1,)), ((3,), (0,))])
def test_a_spec_refuses_numbers_out_of_range(channels, strides):
    with pytest.raises(segzoo.ContractError, match="0 or more"):
        segzoo.FeatureSpec(channels, strides)


def test_a_map_without_channels_is_a_placeholder():
    spec = segzoo.FeatureSpec((3, 0, 8), (1, 2, 4))
    assert [spec.is_placeholder(entry) for entry in range(3)] == [False, True, False]
    assert spec.native == (0, 2)


def test_no_channels_are_a_class_token_s_unless_said_so():
    assert segzoo.FeatureSpec((3, 0, 8), (1, 2, 4)).token_channels == (0, 0, 0)


def test_a_selection_keeps_what_is_the_class_token_s():
    spec = segzoo.FeatureSpec((3, 0, 8), (1, 2, 4), token_channels=(0, 0, 4))
    assert spec.select([0, 2]).token_channels == (0, 4)


@pytest.mark.parametrize("token_channels", [(4,), (0, 0, 9), (0, 0, -1)])
def test_a_class_token_has_no_more_channels_than_its_map(token_channels):
    with pytest.raises(segzoo.ContractError, match="token_channels"):
        segzoo.FeatureSpec((3, 0, 8), (1, 2, 4), token_channels)


@pytest.mark.parametrize(
    ("strides", "stages"),
    [
        ((2, 4, 8, 16, 32), (1, 2, 3, 4, 5)),
        ((4, 8, 16, 32), (2, 3, 4, 5)),
        ((1, 2, 4, 8, 16, 32), (0, 1, 2, 3, 4, 5)),
        ((2, 4, 8, 16, 16), (1, 2, 3, 4, 5)),
        ((2, 4, 8, 8, 8), (1, 2, 3, 4, 5)),
        ((16, 16, 16, 16), (2, 3, 4, 5)),
        ((14, 14, 14, 14), (2, 3, 4, 5)),
        ((32, 32, 32, 32), (2, 3, 4, 5)),
        ((16,), (5,)),
        ((16, 32, 64), (4, 5, 6)),
        ((8, 16, 32, 64), (3, 4, 5, 6)),
        ((4, 8, 16), (2, 3, 4)),
        ((7, 14, 14), (3, 4, 5)),
        ((7, 14, 28), (3, 4, 5)),
        ((12, 17), (3, 4)),
    ],
)
def test_maps_stand_at_the_stage_of_their_stride(strides, stages):
    assert segzoo.place_stages(strides) == stages


def test_too_many_maps_for_the_stages_are_refused():
    with pytest.raises(segzoo.OptionError, match="don't fit"):
        segzoo.place_stages((16, 16, 16), deepest=1)


@pytest.mark.parametrize(
    ("channels", "strides", "isotropic"),
    [
        ((3, 0, 8, 8), (1, 2, 16, 16), True),
        ((8, 8), (16, 16), True),  # what a decoder was granted of it
        ((3, 8, 8, 8), (1, 2, 4, 8), False),
        ((3, 8, 8, 8), (1, 2, 4, 4), False),  # dilated
        ((3,), (1,), False),
    ],
)
def test_maps_of_one_resolution_are_isotropic(channels, strides, isotropic):
    assert segzoo.FeatureSpec(channels, strides).isotropic is isotropic


def test_sizes_are_rounded_up():
    assert segzoo.grid_size((97, 131), 32) == (4, 5)


@pytest.mark.parametrize("size", [(64, 64), (97, 131)])
def test_a_placeholder_has_no_channels_and_the_size_of_its_resolution(size):
    image = torch.rand(2, 3, *size, dtype=torch.float64)
    empty = segzoo.placeholder(image, 2)
    assert empty.shape == (2, 0, *segzoo.grid_size(size, 2))
    assert empty.dtype == image.dtype


@pytest.mark.parametrize("pattern", PATTERNS)
def test_an_honest_encoder_is_accepted(pattern):
    plan = segzoo.plan(synthetic(pattern), "segformer" if pattern != "few" else "unet")
    assert plan.encoder_spec.strides == CATALOGUE[pattern].spec.strides


class Liar(segzoo.Encoder):
    def __init__(self, spec, forward):
        super().__init__(spec)
        self.tell = forward
        self.conv = torch.nn.Conv2d(3, 8, 1, stride=4)

    def forward(self, image):
        return self.tell(self, image)


SPEC = segzoo.FeatureSpec((3, 0, 8), (1, 2, 4))


@pytest.mark.parametrize(
    ("spec", "forward", "told"),
    [
        (SPEC, lambda self, image: [image], "a list of 3 maps, and its forward returned 1"),
        (SPEC, lambda self, image: image, "declares a list"),
        (
            segzoo.FeatureSpec((3, 0, 9), (1, 2, 4)),
            lambda self, image: self.complete(image, {2: self.conv(image)}),
            "stage 2: declared 9 channels at stride 4; measured 8 channels at stride 4",
        ),
        (
            segzoo.FeatureSpec((3, 0, 8), (1, 2, 8)),
            lambda self, image: self.complete(image, {2: self.conv(image)}),
            "stage 2: declared 8 channels at stride 8; measured 8 channels at stride 4",
        ),
        (
            SPEC,
            lambda self, image: [image, image[:, :0], self.conv(image)],
            "stage 1: declared 0 channels at stride 2; measured 0 channels at stride 1",
        ),
        (SPEC, lambda self, image: [image, None, self.conv(image)], "measured NoneType"),
        (SPEC, lambda self, image: [image, image[0], self.conv(image)], "measured shape"),
        (
            segzoo.FeatureSpec((3, 0, 8), (2, 2, 4)),
            lambda self, image: self.complete(image, {2: self.conv(image)}),
            "entry 0 stands at stride 1",
        ),
        (
            segzoo.FeatureSpec((3, 0, 8), (1, 3, 4)),
            lambda self, image: self.complete(image, {2: self.conv(image)}),
            r"placeholder at 2\*\*stage",
        ),
        (
            SPEC,
            lambda self, image: [image, segzoo.placeholder(image, 2)[..., 1:], self.conv(image)],
            "stage 1",
        ),
    ],
)
def test_a_lie_is_caught_with_declared_against_measured(spec, forward, told):
    with pytest.raises(segzoo.ContractError, match=told):
        segzoo.plan(Liar(spec, forward), "unet")


def test_an_encoder_without_a_spec_is_a_contract_error():
    with pytest.raises(segzoo.ContractError, match="needs an attribute `spec`"):
        segzoo.plan(torch.nn.Conv2d(3, 3, 1), "unet")


def test_any_module_that_honours_the_contract_serves():
    class Plain(torch.nn.Module):
        spec = segzoo.FeatureSpec((3, 4), (1, 2))

        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 4, 3, stride=2, padding=1)

        def forward(self, image):
            return [image, self.conv(image)]

    model = segzoo.create_model(Plain(), "unet", classes=2)
    assert model(torch.rand(1, 3, 33, 47)).shape == (1, 2, 33, 47)


def test_checking_a_built_encoder_leaves_its_mode_and_weights_alone():
    encoder = synthetic("resnet").train()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    segzoo.plan(encoder, "unet")
    assert encoder.training
    assert all(torch.equal(before[name], value) for name, value in encoder.state_dict().items())


@pytest.mark.parametrize(
    ("spec", "size", "padded", "takes"),
    [
        (segzoo.InputSpec(), (97, 131), (97, 131), True),
        (segzoo.InputSpec(multiple=14), (97, 131), (98, 140), False),
        (segzoo.InputSpec(multiple=32), (64, 96), (64, 96), True),
        (segzoo.InputSpec(fixed=(224, 224)), (97, 131), (97, 131), False),
        (segzoo.InputSpec(fixed=(224, 224)), (224, 224), (224, 224), True),
    ],
)
def test_sizes_are_padded_to_the_multiple(spec, size, padded, takes):
    assert (spec.padded(size), spec.takes(size)) == (padded, takes)


def test_a_built_encoder_that_can_t_leave_its_device_is_checked_there():
    class Settled(Liar):
        def __init__(self, spec):
            super().__init__(spec, lambda self, image: self.complete(image, {2: self.conv(image) + self.constant}))
            self.constant = torch.ones(8, 1, 1)  # neither parameter nor buffer

    assert segzoo.plan(Settled(SPEC), "unet").encoder_spec == SPEC
    with pytest.raises(segzoo.ContractError, match="declared 9 channels"):
        segzoo.plan(Settled(segzoo.FeatureSpec((3, 0, 9), (1, 2, 4))), "unet")


def test_checking_leaves_a_module_of_two_names_where_it_is():
    class Twice(Liar):
        def __init__(self):
            super().__init__(SPEC, lambda self, image: self.complete(image, {2: self.again(image)}))
            self.again = self.conv

    encoder = Twice()
    segzoo.plan(encoder, "unet")
    assert {parameter.device.type for parameter in encoder.parameters()} == {"cpu"}


def test_checking_takes_a_weight_that_two_modules_share():
    class Tied(Liar):
        def __init__(self):
            super().__init__(SPEC, lambda self, image: self.complete(image, {2: self.conv(image) + self.other(image)}))
            self.other = torch.nn.Conv2d(3, 8, 1, stride=4)
            self.other.weight = self.conv.weight

    encoder = Tied()
    assert segzoo.plan(encoder, "unet").encoder_spec == SPEC
    assert {parameter.device.type for parameter in encoder.parameters()} == {"cpu"}
