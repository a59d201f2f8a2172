import pytest
import torch
from foreign import difference, disturb
from importing import import_checkpoint
from knet_peer import FCN, UPER, knet_head
from mmseg_peer import Model, ResNetV1c

from segzoo_mmseg.importer import MMSegImporter


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the peer's
@pytest.mark.parametrize(
    ("depth", "channels", "inner", "name"),
    [(50, (256, 512, 1024, 2048), FCN, "fcn"), (18, (64, 128, 256, 512), UPER, "upernet")],
)
@torch.no_grad()
def test_a_checkpoint_of_knet_gives_mmsegmentation_s_logits(mmseg, depth, channels, inner, name, tmp_path):
    backbone = ResNetV1c(depth, dilated=name == "fcn")
    peer = disturb(Model(backbone, knet_head(mmseg, inner, channels, classes=5)))
    torch.save({"meta": {}, "state_dict": peer.state_dict()}, tmp_path / "iter_80000.pth")
    model = import_checkpoint(MMSegImporter(), tmp_path / "iter_80000.pth")
    assert (model.plan.decoder.id, model.plan.inner.id) == ("segzoo:knet", f"segzoo:{name}")
    image = torch.randn(1, 3, 97, 131)
    assert difference(model(image), peer(image)) <= 1e-4
