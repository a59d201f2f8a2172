"""Parameters that the logits don't depend on."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from segzoo.model import SegmentationModel
from segzoo.modes import evaluating
from segzoo.verification import probe_image


def freeze_unused(model: SegmentationModel) -> list[str]:
    """Ask no gradient of parameters that no logits depend on: an HRNet's branches whose maps the decoder doesn't take.

    `DistributedDataParallel` waits for each gradient that is asked for: call this before it gets the model. Which
    parameters take part, auxiliary heads included, is seen in a backward pass on the meta device, which computes
    nothing.

    :returns: the names of those that it froze.
    """
    asked = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    on_meta = {name: nn.Parameter(weight.detach().to("meta")) for name, weight in asked.items()}
    tensors: dict[str, Tensor] = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    rest = {name: tensor.detach().to("meta") for name, tensor in tensors.items() if name not in asked}
    try:
        with evaluating(model), torch.device("meta"), torch.enable_grad():
            logits, auxiliary = torch.func.functional_call(
                model, {**rest, **on_meta}, (_image(model),), {"auxiliary": True}, tie_weights=False
            )
            outputs = [each for one in (logits, *auxiliary.values()) for each in _each(one)]
            torch.stack([output.float().sum() for output in outputs]).sum().backward()
    except RuntimeError:  # tensors that an encoder holds apart from its weights can't leave for there
        return []
    unused = [name for name, weight in on_meta.items() if weight.grad is None]
    for name in unused:
        asked[name].requires_grad_(False)
    return unused


def _image(model: SegmentationModel) -> Tensor:
    plan = model.plan
    image = probe_image(plan.encoder_spec, plan.input_spec, plan.request.in_channels)
    if not plan.strict_size:
        return image
    height, width = plan.input_spec.nearest((image.shape[-2], image.shape[-1]))[0]
    return image.new_empty(1, image.shape[1], height, width)


def _each(logits: Tensor | dict[str, Tensor]) -> list[Tensor]:
    return [logits] if isinstance(logits, Tensor) else list(logits.values())
