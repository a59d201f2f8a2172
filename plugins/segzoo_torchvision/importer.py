"""A state dict of torchvision's segmentation models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

import segzoo
from segzoo_torchvision import rules
from segzoo_torchvision.encoder import NAME as MOBILENET

RESNET_AUXILIARY_STAGE = 4


@dataclass(frozen=True)
class Architecture:
    """One of torchvision's models.

    :param arguments: for `create_model`, but for the classes.
    :param rules: of its names.
    :param auxiliary: the stage with the auxiliary head, None where segzoo has no such head.
    :param classifier: the weight, by segzoo's name, whose first axis is the classes.
    """

    arguments: Mapping[str, Any]
    rules: rules.Rules
    auxiliary: int | None = None
    classifier: str = "head.classifiers.logits.conv.weight"


def _resnet(decoder: str, depth: int, names: rules.Rules) -> Architecture:
    return Architecture(
        {"encoder": f"timm/resnet{depth}", "decoder": decoder},
        [*rules.RESNET, *names, *rules.auxiliary(RESNET_AUXILIARY_STAGE)],
        RESNET_AUXILIARY_STAGE,
    )


def _mobilenet(decoder: str, names: rules.Rules, **more: Any) -> Architecture:
    arguments = {"encoder": MOBILENET, "decoder": decoder, "decoder_options": {"output_stride": 16}}
    return Architecture(arguments, [*rules.MOBILENET, *names], **more)


ARCHITECTURES = {
    "fcn_resnet50": _resnet("fcn", 50, rules.FCN),
    "fcn_resnet101": _resnet("fcn", 101, rules.FCN),
    "deeplabv3_resnet50": _resnet("deeplabv3", 50, rules.DEEPLABV3),
    "deeplabv3_resnet101": _resnet("deeplabv3", 101, rules.DEEPLABV3),
    "deeplabv3_mobilenet_v3_large": _mobilenet("deeplabv3", rules.DEEPLABV3),
    "lraspp_mobilenet_v3_large": _mobilenet("lraspp", rules.LRASPP, classifier="decoder.low_classifier.weight"),
}


class TorchvisionImporter(segzoo.Importer):
    """A file that `torch.save(model.state_dict(), path)` wrote; the architecture is seen by its names.

    The user may say `architecture` ("fcn_resnet50") and `classes`, and is then held to it.
    """

    def recognises(self, source: segzoo.Source) -> bool:
        if not source.path.is_file():
            return False
        if source.arguments.get("architecture") in ARCHITECTURES:
            return True
        try:
            return find_architecture(source.weights) is not None
        except segzoo.CheckpointError:
            return False

    def read(self, source: segzoo.Source) -> segzoo.Imported:
        name = find_architecture(source.weights)
        said = source.arguments.get("architecture", name)
        if name is None or said != name:
            raise segzoo.CheckpointError(
                f"{str(source.path)!r} holds {f'the weights of {name}' if name else 'none of these'}, where "
                f"{said or 'a model of torchvision'} was expected; segzoo brings in {', '.join(ARCHITECTURES)}"
            )
        architecture = ARCHITECTURES[name]
        weights = segzoo.rename_weights(source.weights, architecture.rules)
        notes = []
        left_out = [key for key in weights if key.startswith("aux_classifier.")]
        if left_out:
            notes.append(
                "the auxiliary head was left out: it is narrower than segzoo's, and predictions don't depend on it"
            )
        classifier = weights.get(architecture.classifier)
        if classifier is None:
            raise segzoo.CheckpointError(f"the weights in {str(source.path)!r} lack the classifier of {name}")
        classes = classifier.shape[0]
        if source.arguments.get("classes", classes) != classes:
            raise segzoo.CheckpointError(
                f"{str(source.path)!r} has {classes} classes, and classes={source.arguments['classes']} was given"
            )
        has_auxiliary = f"auxiliary.{architecture.auxiliary}.block.conv.weight" in weights
        return segzoo.Imported(
            arguments={
                **architecture.arguments,
                "classes": classes,
                "auxiliary": (architecture.auxiliary,) if has_auxiliary else (),
            },
            weights={key: weight for key, weight in weights.items() if key not in left_out},
            preprocessing=segzoo.Preprocessing(),
            notes=tuple(notes),
        )


def find_architecture(weights: Mapping[str, Tensor]) -> str | None:
    """Which of torchvision's models has weights of such names; None if none has."""
    if "backbone.layer3.5.conv3.weight" in weights:
        encoder = "resnet101" if "backbone.layer3.22.conv3.weight" in weights else "resnet50"
    elif "backbone.16.0.weight" in weights and "backbone.4.block.0.0.weight" in weights:
        encoder = "mobilenet_v3_large"
    else:
        return None
    for key, decoder in (
        ("classifier.cbr.0.weight", "lraspp"),
        ("classifier.0.convs.0.0.weight", "deeplabv3"),
        ("classifier.0.weight", "fcn"),
    ):
        if key in weights and f"{decoder}_{encoder}" in ARCHITECTURES:
            return f"{decoder}_{encoder}"
    return None
