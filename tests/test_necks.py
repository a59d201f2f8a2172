"""A neck that needs the image is given it, whichever way the model is run."""

import copy

import pytest
import torch
from synthetic import synthetic
from torch import nn

import segzoo
from segzoo.nn import ConvNormAct, resize


class Guided(segzoo.Neck):
    """Adds to each map that it is asked for what a convolution sees in the image there."""

    needs_image = True

    def __init__(self, offer, stages):
        super().__init__(offer, stages)
        self.spec = segzoo.FeatureSpec(
            offer.channels, tuple(2**stage if stage in stages else each for stage, each in enumerate(offer.strides))
        )
        self.guide = nn.ModuleDict(
            {str(stage): nn.Sequential(ConvNormAct(offer.channels[0], offer.channels[stage])) for stage in stages}
        )
        self.scale = nn.Parameter(torch.ones(1, offer.channels[-1], 1, 1))

    def forward(self, features):
        image, guided = features[0], list(features)
        for stage, guide in self.guide.items():
            size = segzoo.grid_size(image.shape[-2:], self.spec.strides[int(stage)])
            guided[int(stage)] = resize(features[int(stage)], size) + self.scale * guide(resize(image, size))
        return guided

    def no_weight_decay(self):
        return {"scale"}


def guided(encoder="plain_vit", **options):
    encoder = synthetic(encoder) if isinstance(encoder, str) else encoder
    return segzoo.create_model(encoder, "fpn", classes=2, neck=Guided, **options)


def test_cached_maps_hold_the_image():
    model, image = guided().eval(), torch.rand(1, 3, 79, 65)
    assert torch.equal(model.decode(model.encoder(image)), model(image))


def test_a_frozen_encoder_leaves_the_neck_to_learn():
    model = guided().train()
    model.freeze_encoder()
    model(torch.rand(2, 3, 64, 64)).mean().backward()
    assert all(each.grad is not None for each in model.neck.parameters())
    assert all(each.grad is None for each in model.encoder.parameters())


def test_an_image_that_is_padded_reaches_the_neck_padded():
    encoder = synthetic("patch_14", input_spec=segzoo.InputSpec(multiple=14))
    assert guided(encoder).eval()(torch.rand(1, 3, 79, 65)).shape == (1, 2, 79, 65)


def test_tiles_are_of_the_image_and_its_maps_alike():
    model, image = guided().eval(), torch.rand(1, 3, 96, 64)
    assert torch.allclose(model.predict(image, output="logits", tile=96)[0], model(image)[0], atol=1e-5)


def test_an_encoder_with_a_map_of_its_own_in_entry_0_is_refused():
    with pytest.raises(segzoo.NegotiationError, match=r"Guided needs the image, and this encoder has a map of its own"):
        segzoo.plan(synthetic("vgg"), "fpn", neck=Guided)


def test_a_map_with_as_many_channels_as_the_image_is_no_image():
    encoder = synthetic("vgg")
    own = encoder.spec.channels[0]
    with pytest.raises(segzoo.NegotiationError, match=f"of {own} channels"):
        segzoo.plan(synthetic("vgg", in_channels=own), "fpn", neck=Guided, in_channels=own)


class OnTheProcessor(type(synthetic())):
    """Holds a tensor that can't leave the processor."""

    def __init__(self):
        super().__init__("plain_vit")
        self.hidden = [torch.ones(())]

    def forward(self, image):
        return [image, *((each * self.hidden[0] if each.shape[1] else each) for each in super().forward(image)[1:])]


def test_the_image_is_known_where_an_encoder_can_t_be_run_on_the_meta_device():
    assert segzoo.plan(OnTheProcessor(), "fpn", neck=Guided).neck is not None


def test_its_blocks_are_recomputed_with_the_same_gradients():
    model = segzoo.create_model("test_vit", "fpn", classes=2, neck=Guided).train()
    image = torch.rand(2, 3, 64, 64)
    recomputing, ran = copy.deepcopy(model), []
    recomputing.set_grad_checkpointing()
    for each in recomputing.neck.guide.values():
        each[0].conv.register_forward_hook(lambda *_: ran.append(1))
    for each in (model, recomputing):
        torch.manual_seed(0)
        each(image).square().mean().backward()
    assert len(ran) == 2 * len(recomputing.neck.guide)
    assert torch.allclose(model.neck.scale.grad, recomputing.neck.scale.grad)


def test_what_it_names_is_not_decayed():
    model = guided()
    assert "neck.scale" in model.no_weight_decay()
    [group] = [group for group in model.parameter_groups(1e-3) if any(p is model.neck.scale for p in group["params"])]
    assert group["weight_decay"] == 0
