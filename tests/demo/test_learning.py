"""Models learn: the demo's own pairs, and each decoder on resnet18, from random weights on the demo's scenes.

`segzoo demo --pair 'resnet18+*'` trains all decoders and prints the table.
"""

import pytest

import segzoo
from segzoo.demo import DEFAULT_PAIRS, Pair, run

LEARNT, VISIBLY_LEARNT = 0.70, 0.60  # mIoU on held-out scenes, of ten digits and the background
IN_EVERY_CHANGE = {"fpn", "segformer", "upernet"}  # quick ones, besides the demo's U-Net


@pytest.mark.slow
@pytest.mark.parametrize("pair", DEFAULT_PAIRS, ids=str)
def test_the_demo_s_pairs_learn(pair, tmp_path):
    (trained,) = run([pair], output=tmp_path)
    assert trained.miou >= LEARNT


@pytest.mark.parametrize(
    "decoder",
    [
        pytest.param(name, marks=pytest.mark.slow if name in IN_EVERY_CHANGE else pytest.mark.exhaustive)
        for name in segzoo.list_decoders()
    ],
)
def test_every_decoder_learns_on_resnet18(decoder, tmp_path):
    (trained,) = run([Pair("resnet18", decoder)], output=tmp_path)
    assert trained.miou >= VISIBLY_LEARNT
