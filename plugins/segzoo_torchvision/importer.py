"""A state dict of torchvision's segmentation models."""

from __future__ import annotations

import segzoo
from segzoo_torchvision.architecture import TorchvisionArchitecture
from segzoo_torchvision.deeplabv3 import DeepLabV3
from segzoo_torchvision.fcn import FCN
from segzoo_torchvision.lraspp import LRASPP

MODELS = {
    f"{architecture.name}_{backbone}": architecture
    for architecture in (FCN(), DeepLabV3(), LRASPP())
    for backbone in architecture.backbones
}
"""By the names of torchvision's functions."""


class TorchvisionImporter(segzoo.ArchitecturesImporter):
    """A file that `torch.save(model.state_dict(), path)` wrote; the architecture is seen by its names.

    The user may say `architecture` ("fcn_resnet50") and `classes`, and is then held to it.
    """

    architectures = tuple(dict.fromkeys(MODELS.values()))
    roots = ("backbone", "classifier", "aux_classifier")

    def recognises(self, checkpoint: segzoo.Checkpoint) -> bool:
        if not checkpoint.path.is_file():
            return False
        if checkpoint.arguments.get("architecture") in MODELS:
            return True
        try:
            return super().recognises(checkpoint)
        except segzoo.CheckpointError:
            return False

    def read(self, checkpoint: segzoo.Checkpoint) -> segzoo.Imported:
        checkpoint = self.rooted(checkpoint)
        found = self.find(checkpoint)
        name = f"{found.name}_{found.backbone(checkpoint)}" if isinstance(found, TorchvisionArchitecture) else None
        said = checkpoint.arguments.get("architecture", name)
        if name is None or said != name:
            raise segzoo.CheckpointError(
                f"{str(checkpoint.path)!r} holds {f'the weights of {name}' if name else 'none of these'}, where "
                f"{said or 'a model of torchvision'} was expected; segzoo imports {', '.join(MODELS)}"
            )
        imported = super().read(checkpoint)
        classes = imported.arguments["classes"]
        if checkpoint.arguments.get("classes", classes) != classes:
            raise segzoo.CheckpointError(
                f"{str(checkpoint.path)!r} has {classes} classes, and classes={checkpoint.arguments['classes']} was "
                "given"
            )
        return imported
