import pytest
import torch
from synthetic import synthetic
from torch import nn

import segzoo
from segzoo_transunet.decoder import TransUNetDecoder

PAPER = segzoo.FeatureSpec(channels=(3, 64, 256, 512, 768), strides=(1, 2, 4, 8, 16))  # R50-ViT-B/16


def convolutions(*pairs):
    """Parameters of 3x3 convolutions, each before a batch norm."""
    return sum(9 * before * after + 2 * after for before, after in pairs)


def test_it_has_the_parameters_that_the_paper_s_layers_have():
    with torch.device("meta"):
        decoder = TransUNetDecoder(PAPER)
    assert sum(parameter.numel() for parameter in decoder.parameters()) == convolutions(
        (768, 512),
        *((512 + 512, 256), (256, 256)),
        *((256 + 256, 128), (128, 128)),
        *((128 + 64, 64), (64, 64)),
        *((64, 16), (16, 16)),
    )


@pytest.mark.parametrize(
    ("pattern", "widths"),
    [("nest", [256, 128, 64, 16]), ("resnet", [512, 256, 128, 64, 16]), ("few", [64, 16])],
)
def test_there_is_a_step_for_each_stage(pattern, widths):
    decoder = segzoo.create_model(synthetic(pattern), "transunet", classes=3).decoder
    assert [step.refine.conv.out_channels for step in decoder.steps] == widths


class Reference(nn.Module):
    """The paper's figure, written plainly, for maps that double from one to the next."""

    def __init__(self, skips, deepest, bottleneck, widths):
        super().__init__()
        self.bottleneck = self.convolution(deepest, bottleneck)
        self.steps = nn.ModuleList(
            nn.Sequential(self.convolution(below + skip, width), self.convolution(width, width))
            for below, skip, width in zip([bottleneck, *widths], [*skips[::-1], 0], widths, strict=False)
        )

    @staticmethod
    def convolution(before, after):
        return nn.Sequential(nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU())

    def forward(self, skips, deepest):
        decoded = self.bottleneck(deepest)
        for step, skip in zip(self.steps, [*skips[::-1], None], strict=True):
            grown = nn.functional.interpolate(decoded, scale_factor=2, mode="bilinear", align_corners=True)
            decoded = step(grown if skip is None else torch.cat([grown, skip], dim=1))
        return decoded


def test_it_computes_what_the_figure_shows():
    stages = segzoo.FeatureSpec(channels=(3, 4, 5, 6, 7), strides=(1, 2, 4, 8, 16))
    decoder = TransUNetDecoder(stages, bottleneck=9, widths=[8, 7, 6, 5])
    reference = Reference([4, 5, 6], 7, 9, [8, 7, 6, 5])
    reference.load_state_dict(dict(zip(reference.state_dict(), decoder.state_dict().values(), strict=True)))
    image, *maps = (
        torch.rand(2, channels, 32 // stride, 48 // stride)
        for channels, stride in zip(stages.channels, stages.strides, strict=True)
    )
    torch.testing.assert_close(decoder([image, *maps]), reference(maps[:-1], maps[-1]))


def test_it_needs_a_width_for_each_step():
    with pytest.raises(segzoo.OptionError, match="transunet needs a width for each of 5 steps"):
        segzoo.plan(synthetic("resnet"), "transunet", decoder_options={"widths": [16]})
