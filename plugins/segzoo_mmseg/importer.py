"""A checkpoint that a training program of mmsegmentation wrote: `state_dict` and `meta`."""

from __future__ import annotations

import segzoo
from segzoo_mmseg.architecture import glance
from segzoo_mmseg.context import ANN, APCNet, DANet, DMNet, EncNet, ISANet
from segzoo_mmseg.convolved_context import DNL, CCNet, EMANet, GCNet, NonLocal
from segzoo_mmseg.deeplabv3 import DeepLabV3, DeepLabV3Plus
from segzoo_mmseg.fcn import FCN
from segzoo_mmseg.knet import KNet
from segzoo_mmseg.pspnet import PSPNet
from segzoo_mmseg.segformer import SegFormer
from segzoo_mmseg.upernet import UPerNet

OPTIONS = ("encoder_options", "decoder_options")


class MMSegImporter(segzoo.ArchitecturesImporter):
    """The parts are seen by the names and shapes of the weights, with mmsegmentation's published settings.

    What weights can't show (dilation, dropout) is another in some configurations: the user then gives
    `encoder_options` and `decoder_options`, such as `{"decoder_options": {"output_stride": 16, "rates": [6, 12, 18]}}`.
    """

    architectures = (
        *(SegFormer(), UPerNet(), PSPNet(), DeepLabV3Plus(), DeepLabV3()),
        *(NonLocal(), DNL(), GCNet(), CCNet(), EMANet()),
        *(DANet(), ISANet(), ANN(), APCNet(), DMNet(), EncNet()),
        KNet(),
        FCN(),  # last: several others have its weights too
    )
    roots = ("backbone", "decode_head", "auxiliary_head")

    def recognises(self, checkpoint: segzoo.Checkpoint) -> bool:
        if not checkpoint.path.is_file() or checkpoint.path.suffix == ".safetensors":
            return False
        content = glance(checkpoint)
        return "meta" in content and any("decode_head." in name for name in content.get("state_dict") or ())

    def read(self, checkpoint: segzoo.Checkpoint) -> segzoo.Imported:
        unknown = [name for name in checkpoint.arguments if name not in OPTIONS]
        if unknown:
            raise segzoo.CheckpointError(
                f"a checkpoint of mmsegmentation takes {' and '.join(OPTIONS)}, and {', '.join(unknown)} was given"
            )
        checkpoint = self.rooted(checkpoint)
        if self.find(checkpoint) is None:
            found = [name for name in checkpoint.weights if name.startswith("decode_head.")][:3]
            raise segzoo.CheckpointError(
                "this decode head can't be imported: segzoo reads "
                f"{', '.join(each.name for each in self.architectures)} of mmsegmentation, and this "
                f"one has weights such as {', '.join(found) or 'none'}"
            )
        try:
            return super().read(checkpoint)
        except (KeyError, IndexError, RuntimeError) as error:
            raise segzoo.CheckpointError(
                f"the weights in {str(checkpoint.path)!r} are incomplete or of other shapes than "
                f"mmsegmentation's: {error}"
            ) from error
