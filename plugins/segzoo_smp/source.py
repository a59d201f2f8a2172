"""SMP's own encoders by name."""

from __future__ import annotations

import segzoo
from segzoo_smp.encoder import SMPEncoder
from segzoo_smp.index import PREFIX, SMPIndex
from segzoo_smp.recipe import DEPTH
from segzoo_smp.recipes import find_recipe

OUTPUT_STRIDES = (8, 16)


class SMPSource(SMPIndex, segzoo.EncoderSource):
    """SMP's names after `smp-`, such as `smp-efficientnet-b0`.

    They are there for the weights of imported models, and listings leave them out: for a new model timm's encoders
    serve as well, with published weights.
    """

    def create(self, name: str, request: segzoo.EncoderRequest, pretrained: segzoo.Pretrained = False) -> SMPEncoder:
        recipe = find_recipe(name.removeprefix(PREFIX))
        if recipe is None:
            raise segzoo.UnknownNameError(
                f"there is no encoder {name!r}: SMP has none of that name, or none that segzoo knows"
            )
        depth = DEPTH if request.depth is None else request.depth
        if depth not in range(1, DEPTH + 1):
            raise segzoo.OptionError(f"{name} has no depth {depth!r}; give one from 1 to {DEPTH}")
        if request.options:
            raise segzoo.OptionError(f"{name} has no option {', '.join(request.options)}; it has none")
        if request.prefix is not None:
            raise segzoo.NegotiationError(f"{name} can't give prefix={request.prefix!r}: it has no class token")
        if request.output_stride is not None and not (recipe.dilates and request.output_stride in OUTPUT_STRIDES):
            reason = f"SMP dilates to {OUTPUT_STRIDES}" if recipe.dilates else "it pools between its stages"
            raise segzoo.NegotiationError(f"{name} can't be dilated to stride {request.output_stride}: {reason}")
        if pretrained is not False:
            raise segzoo.CheckpointError(
                f"{name} has no published weights of its own; import a whole model of SMP's, or take timm's "
                f"{recipe.architecture!r}"
            )
        return SMPEncoder(recipe, request.in_channels, depth, request.output_stride)
