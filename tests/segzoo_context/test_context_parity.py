"""The decoders of context give what mmsegmentation's heads give: logits, gradients, and what training moves."""

import pytest
import torch
from foreign import difference
from mmseg_heads import SMALL, Counterpart, logits_of, loss_of, maps_of, mmseg_head

pytestmark = pytest.mark.slow

every_head = pytest.mark.parametrize("name", SMALL)
every_size = pytest.mark.parametrize("size", [(1, 2), (5, 7), (8, 16), (19, 13)])


@every_head
@every_size
def test_the_logits_are_mmsegmentation_s(mmseg, name, size):
    head = mmseg_head(mmseg, name).eval()
    ours = Counterpart(head).eval()
    maps = maps_of(head, size)
    with torch.no_grad():
        assert difference(ours(maps), logits_of(head, maps)) < 1e-9


@every_head
@pytest.mark.parametrize("train", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("size", [(5, 7), (19, 13)])
def test_the_gradients_are_mmsegmentation_s(mmseg, name, train, size):
    head = mmseg_head(mmseg, name).train(train)
    ours = Counterpart(head).train(train)
    maps = maps_of(head, size)
    copies = [each.detach().clone().requires_grad_() for each in maps]
    loss_of(logits_of(head, maps)).backward()
    loss_of(ours(copies)).backward()
    for got, expected in zip(copies, maps, strict=True):
        assert (got.grad is None) == (expected.grad is None)
        assert expected.grad is None or difference(got.grad, expected.grad) < 1e-6
    expected, found = ours.expected_gradients(head), dict(ours.decoder.named_parameters())
    assert expected.keys() == found.keys()
    largest = max(each.abs().max() for each in expected.values())
    for parameter, gradient in expected.items():
        assert (found[parameter].grad - gradient).abs().max() < 1e-6 * largest, parameter


def test_the_bases_move_as_mmsegmentation_s(mmseg):
    head = mmseg_head(mmseg, "emanet").train()
    ours = Counterpart(head).train()
    maps = maps_of(head, (5, 7))
    for _ in range(3):
        head(maps)
        ours(maps)
    torch.testing.assert_close(ours.decoder.context.bases, head.ema_module.bases[0])
