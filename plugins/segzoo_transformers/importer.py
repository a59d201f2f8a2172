"""A folder that `save_pretrained` of one of transformers' segmentation models wrote."""

from __future__ import annotations

import segzoo
from segzoo_transformers.beit import BEiT, Data2VecVision
from segzoo_transformers.dpt import DPT
from segzoo_transformers.eomt import EoMTOnDINOv2, EoMTOnDINOv3
from segzoo_transformers.mask2former import Mask2Former
from segzoo_transformers.maskformer import MaskFormer
from segzoo_transformers.mobilenet import MobileNetV2
from segzoo_transformers.mobilevit import MobileViT
from segzoo_transformers.sapiens2 import Sapiens2
from segzoo_transformers.segformer import SegFormer
from segzoo_transformers.tipsv2 import TIPSv2
from segzoo_transformers.upernet import UPerNet


class TransformersImporter(segzoo.ArchitecturesImporter):
    """Recognised by `architectures` and `model_type` in config.json."""

    architectures = (
        SegFormer(),
        UPerNet(),
        DPT(),
        BEiT(),
        Data2VecVision(),
        MobileNetV2(),
        MobileViT(),
        Mask2Former(),
        MaskFormer(),
        EoMTOnDINOv2(),
        EoMTOnDINOv3(),
        Sapiens2(),
        TIPSv2(),
    )

    def recognises(self, checkpoint: segzoo.Checkpoint) -> bool:
        said = checkpoint.config
        return isinstance(said.get("model_type"), str) and isinstance(said.get("architectures"), list)

    def read(self, checkpoint: segzoo.Checkpoint) -> segzoo.Imported:
        named = ", ".join(map(str, checkpoint.config.get("architectures") or []))
        if self.find(checkpoint) is None:
            known = ", ".join(each.name for each in self.architectures)
            raise segzoo.CheckpointError(f"{named} of transformers can't be imported; segzoo reads {known}")
        try:
            return super().read(checkpoint)
        except (TypeError, ValueError, KeyError, IndexError, AttributeError, ArithmeticError) as error:
            raise segzoo.CheckpointError(
                f"{named} in {str(checkpoint.path)!r} can't be understood: its config.json and its weights don't fit "
                f"each other ({type(error).__name__}: {error})"
            ) from error
