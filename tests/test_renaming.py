import pytest
import torch

import segzoo


def renamed(names, table):
    return {name: tuple(weight.shape) for name, weight in segzoo.rename_weights(names, table).items()}


def test_the_first_row_that_matches_counts():
    weights = {"a.0.weight": torch.zeros(1), "a.1.weight": torch.zeros(1)}
    assert list(segzoo.rename_weights(weights, {"a.0": "first", "a": "others"})) == ["first.weight", "others.1.weight"]


def test_a_path_is_of_whole_components():
    with pytest.raises(segzoo.CheckpointError, match=r"hold conv1\.weight, which"):
        segzoo.rename_weights({"conv1.weight": torch.zeros(1)}, {"conv": "ours"})


def test_components_go_to_their_places_in_order():
    assert list(segzoo.rename_weights({"a.3.b7.c": torch.zeros(1)}, {"a.{}.b{}": "x.{}.{}"})) == ["x.3.7.c"]


def test_none_drops():
    assert segzoo.rename_weights({"aux.weight": torch.zeros(1)}, {"aux": None}) == {}


def test_weights_are_joined_by_their_parts():
    weights = {"key.bias": torch.ones(2), "query.bias": torch.zeros(2)}
    table = {"query": segzoo.join("qk", 0), "key": segzoo.join("qk", 1)}
    assert segzoo.rename_weights(weights, table)["qk.bias"].tolist() == [0, 0, 1, 1]


def test_a_linear_layer_becomes_a_convolution():
    weights = {"fc.weight": torch.zeros(3, 2), "fc.bias": torch.zeros(3)}
    assert renamed(weights, {"fc": segzoo.as_conv("conv")}) == {"conv.weight": (3, 2, 1, 1), "conv.bias": (3,)}


def test_many_unknown_names_are_counted():
    with pytest.raises(segzoo.CheckpointError, match=r"a\.0, a\.1, a\.2 and 4 more"):
        segzoo.rename_weights({f"a.{number}": torch.zeros(1) for number in range(7)}, {"b": "b"})
