from pathlib import Path

import pytest
import segzoo
import segzoo.testing
import torch
from torchvision.models import shufflenet_v2_x0_5


class TestShuffleNetEncoder(segzoo.testing.EncoderConformance):
    """What segzoo relies on: one test per promise."""

    subject = "shufflenet_v2_x0_5"


def test_the_source_has_all_four_widths() -> None:
    assert len(segzoo.list_encoders("shufflenet_v2_x*")) == 4


@pytest.mark.parametrize("decoder", ["unet", "segformer", "deeplabv3plus"])
def test_the_logits_have_the_size_of_the_image(decoder: str) -> None:
    with torch.device("meta"):
        model = segzoo.create_model("shufflenet_v2_x0_5", decoder, classes=3)
        assert model(torch.rand(2, 3, 97, 131)).shape == (2, 3, 97, 131)


def test_its_maps_are_those_of_torchvision(tmp_path: Path) -> None:
    theirs = shufflenet_v2_x0_5().eval()
    torch.save(theirs.state_dict(), tmp_path / "weights.pth")
    model = segzoo.create_model("shufflenet_v2_x0_5", "unet", classes=3, pretrained=tmp_path / "weights.pth").eval()
    image = torch.rand(1, 3, 64, 96)
    stem = theirs.maxpool(theirs.conv1(image))
    torch.testing.assert_close(model.encoder(image)[-1], theirs.stage4(theirs.stage3(theirs.stage2(stem))))


def test_another_number_of_channels_keeps_all_but_the_first_convolution(tmp_path: Path) -> None:
    theirs = shufflenet_v2_x0_5()
    torch.save(theirs.state_dict(), tmp_path / "weights.pth")
    model = segzoo.create_model(
        "shufflenet_v2_x0_5", "unet", classes=3, in_channels=5, pretrained=tmp_path / "weights.pth"
    )
    torch.testing.assert_close(model.encoder.stages[2].state_dict(), theirs.stage2.state_dict())
    assert model(torch.rand(2, 5, 64, 64)).shape == (2, 3, 64, 64)


@pytest.mark.parametrize("options", [{"depth": 0}, {"depth": 6}, {"encoder_options": {"width": 8}}])
def test_options_out_of_range_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(segzoo.OptionError):
        segzoo.create_model("shufflenet_v2_x0_5", "unet", classes=3, **options)


def test_weights_of_another_width_are_refused(tmp_path: Path) -> None:
    torch.save(shufflenet_v2_x0_5().state_dict(), tmp_path / "weights.pth")
    with pytest.raises(segzoo.CheckpointError, match="can't be loaded into shufflenet_v2_x1_0"):
        segzoo.create_model("shufflenet_v2_x1_0", "unet", classes=3, pretrained=tmp_path / "weights.pth")
