"""A folder that `save_pretrained` of one of transformers' segmentation models wrote."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import segzoo
from segzoo_transformers import beit, dpt, mobile, segformer, upernet

READERS: Mapping[str, Callable[[segzoo.Checkpoint], segzoo.Imported]] = {
    "SegformerForSemanticSegmentation": segformer.read,
    "UperNetForSemanticSegmentation": upernet.read,
    "DPTForSemanticSegmentation": dpt.read,
    "BeitForSemanticSegmentation": beit.read,
    "MobileNetV2ForSemanticSegmentation": mobile.read_mobilenet,
    "MobileViTForSemanticSegmentation": mobile.read_mobilevit,
}


class TransformersImporter(segzoo.Importer):
    """Recognised by `architectures` and `model_type` in config.json."""

    def recognises(self, source: segzoo.Checkpoint) -> bool:
        if not source.path.is_dir():
            return False
        return isinstance(source.config.get("model_type"), str) and isinstance(source.config.get("architectures"), list)

    def read(self, source: segzoo.Checkpoint) -> segzoo.Imported:
        named = source.config.get("architectures") or []
        for name in named:
            if name in READERS:
                try:
                    return READERS[name](source)
                except (TypeError, ValueError, KeyError, IndexError, AttributeError, ArithmeticError) as error:
                    raise segzoo.CheckpointError(
                        f"{name} in {str(source.path)!r} can't be understood: its config.json and its weights don't "
                        f"fit each other ({type(error).__name__}: {error})"
                    ) from error
        raise segzoo.CheckpointError(
            f"{', '.join(map(str, named))} of transformers can't be imported; segzoo reads {', '.join(READERS)}"
        )
