"""What each stage sees."""

import pytest
import torch
from small_models import save_pdf, save_picture

import segzoo
from segzoo.studio import Settings
from segzoo.studio.stages import components, draw_stages


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    return save_picture(tmp_path_factory.mktemp("pictures") / "photo.png")


@pytest.mark.parametrize("look", ["components", "mean"])
@pytest.mark.parametrize(("encoder", "decoder"), [("test_resnet", "fpn"), ("test_vit", "fpn"), ("test_vit", "eomt")])
def test_each_map_of_the_plan_is_a_picture_of_the_image_s_shape(picture, encoder, decoder, look):
    model = segzoo.create_model(encoder, decoder, classes=2)
    stages = draw_stages(model, picture, Settings(), look)
    named = [f"stage {row.stage}:" for row in model.plan.rows if row.channels and row.origin != "image"]
    assert [stage.caption.partition(" ")[0] + " " + stage.caption.split()[1] for stage in stages] == named
    for stage in stages:
        height, width, colours = stage.picture.shape
        assert colours == 3
        assert width / height == pytest.approx(160 / 120, rel=0.05)


def test_a_picture_of_no_kind_is_refused(tmp_path):
    model = segzoo.create_model("test_resnet", "fpn", classes=2)
    with pytest.raises(segzoo.InputError, match="can't be read as an image"):
        draw_stages(model, save_pdf(tmp_path / "paper.png"), Settings())


def test_components_are_those_of_scikit_learn():
    from sklearn.decomposition import PCA

    torch.manual_seed(0)
    values = torch.randn(8, 5, 6, dtype=torch.float64)
    places = values.reshape(8, -1).T.numpy()
    expected = torch.from_numpy(PCA(3).fit_transform(places)).T.reshape(3, 5, 6)
    found = components(values)
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other) or torch.allclose(one, -other)


def test_a_component_s_largest_value_is_positive():
    found = components(torch.randn(8, 5, 6)).reshape(3, -1)
    assert (found.gather(1, found.abs().argmax(dim=1, keepdim=True)) > 0).all()


def test_a_map_of_two_channels_has_no_third_component():
    assert components(torch.randn(2, 5, 6))[2].abs().sum() == 0
