"""Each submodule of each decoder, wrapped in turn: the model trains, and infers what it inferred before."""

import copy

import pytest
import torch
from synthetic import DIFFERENT, small

import segzoo
from segzoo.testing.decoder_subject import DecoderSubject
from segzoo.testing.outputs import outputs
from segzoo.testing.wrapping import called, wrapped


@pytest.mark.parametrize(
    "decoder",
    [
        pytest.param(decoder, marks=pytest.mark.slow if decoder in DIFFERENT else pytest.mark.exhaustive)
        for decoder in segzoo.list_decoders()
    ],
)
def test_each_submodule_can_be_wrapped_in_turn(decoder):
    (case,) = DecoderSubject(decoder, small(decoder)).witnesses(1)
    module, features = case.build(), case.inputs()
    weights = copy.deepcopy(module.state_dict())
    with torch.no_grad():
        before = outputs(module.eval(), features)
    for name in called(module):
        with wrapped(module, [name]):
            with torch.no_grad():
                torch.testing.assert_close(outputs(module.eval(), features), before, atol=1e-5, rtol=1e-4, msg=name)
            sum(each.mean() for each in outputs(module.train(), features)).backward()
        module.load_state_dict(weights)  # training moved the norms' statistics
