"""Models learn: the demo's own pairs, and each decoder on resnet18, from random weights on the demo's scenes.

`segzoo demo --minutes 75 --steps 900 --pair 'resnet18+*'` trains all decoders and prints the table, which
benchmarks/README.md shows; `segzoo demo --objects` those of queries.
"""

import pytest
from synthetic import DENSE

from segzoo.demo import DEFAULT_PAIRS, PairName, run
from segzoo.demo.objects import OBJECT_PAIRS, run_objects

LEARNT = 0.60  # mIoU on held-out scenes, of ten digits and the background
# The demo's own pairs score 0.75 and more; which way the last bits are rounded moves that by several hundredths.
STEPS, MINUTES = 900, 3  # on two cores
IN_TURN = (pytest.mark.slow, pytest.mark.slow, pytest.mark.exhaustive)  # the last takes as long as the others together


@pytest.mark.parametrize(
    "pair",
    [pytest.param(pair, id=str(pair), marks=marks) for pair, marks in zip(DEFAULT_PAIRS, IN_TURN, strict=True)],
)
def test_the_demo_s_pairs_learn(pair, tmp_path):
    (trained,) = run([pair], output=tmp_path)
    assert trained.miou >= LEARNT


@pytest.mark.exhaustive
@pytest.mark.parametrize("decoder", sorted(DENSE))
def test_every_decoder_learns_on_resnet18(decoder, tmp_path):
    (trained,) = run([PairName("resnet18", decoder)], steps=STEPS, minutes=MINUTES, output=tmp_path)
    assert trained.miou >= LEARNT


@pytest.mark.exhaustive
@pytest.mark.parametrize("pair", OBJECT_PAIRS, ids=lambda pair: str(pair.name))
def test_decoders_of_queries_learn_to_tell_digits_apart(pair, tmp_path):
    (trained,) = run_objects([pair], output=tmp_path)
    found = trained.to_dict()
    assert found["miou"] >= LEARNT
    assert found["pq"] >= LEARNT
    assert found["ap"] >= 0.5
