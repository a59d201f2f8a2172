"""Whether timm has a model of some name."""

from __future__ import annotations

from timm.models import get_arch_pretrained_cfgs, is_model, parse_model_name, split_model_name_tag


def resolves(name: str) -> bool:
    """An architecture, tagged or not, or the address of a hub's or a folder's model."""
    try:
        origin, model = parse_model_name(name)
    except ValueError:
        return False
    architecture, tag = split_model_name_tag(model)
    return origin is not None or (is_model(architecture) and (not tag or name in get_arch_pretrained_cfgs(name)))
