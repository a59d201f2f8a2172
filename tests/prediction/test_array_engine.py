import numpy as np
import pytest
import torch

from segzoo.errors import InputError
from segzoo.prediction import ArrayEngine, TensorSink, TensorSource, Tiling, stream


def doubled(tiles):
    return [2 * tiles]


def test_a_session_s_logits_are_those_of_its_tiles():
    image = torch.randn(1, 3, 70, 90)
    sink = TensorSink((70, 90))
    stream([ArrayEngine(doubled)], TensorSource(image), sink, Tiling(32, 4, 4), output="logits", batch=2)
    torch.testing.assert_close(sink.maps[""], 2 * image)


def test_named_heads_are_told_apart():
    found = ArrayEngine(lambda tiles: [tiles, tiles[:, :1]], ("mask", "edge"))(torch.randn(2, 3, 8, 8))
    assert {name: tuple(each.shape) for name, each in found.items()} == {"mask": (2, 3, 8, 8), "edge": (2, 1, 8, 8)}


def test_small_tiles_are_padded_by_their_last_pixels():
    seen = []
    engine = ArrayEngine(lambda tiles: [seen.append(tiles) or tiles.copy()], least=(8, 10))
    tiles = torch.randn(1, 3, 6, 12)
    torch.testing.assert_close(engine(tiles), tiles)
    assert seen[0].shape == (1, 3, 8, 12)
    np.testing.assert_array_equal(seen[0][..., 7, :], tiles[..., 5, :].numpy())


def test_a_session_of_one_size_says_which_tile_to_take():
    engine = ArrayEngine(doubled, least=(32, 48), fixed=True)
    assert engine(torch.randn(1, 3, 20, 48)).shape == (1, 3, 20, 48)
    with pytest.raises(InputError, match="takes tiles of 32x48 alone, got 64x64; take tile=32"):
        engine(torch.randn(1, 3, 64, 64))


def test_a_session_of_onnx_runtime_predicts_in_tiles(tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    network = torch.nn.Conv2d(3, 4, 5, padding=2).eval()
    file = tmp_path / "network.onnx"
    sizes = {0: torch.export.Dim("b"), 2: torch.export.Dim("h", min=8), 3: torch.export.Dim("w", min=8)}
    torch.onnx.export(
        network, (torch.randn(2, 3, 32, 40),), file, dynamic_shapes=(sizes,), input_names=["image"], verbose=False
    )
    session = runtime.InferenceSession(file, providers=["CPUExecutionProvider"])
    image = torch.randn(1, 3, 70, 90)
    sink = TensorSink((70, 90))
    engine = ArrayEngine(lambda tiles: session.run(None, {"image": tiles}))
    stream([engine], TensorSource(image), sink, Tiling(32, 4, 4), output="logits")
    with torch.no_grad():
        torch.testing.assert_close(sink.maps[""], network(image), rtol=1e-3, atol=1e-4)
