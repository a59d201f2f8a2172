"""Reading the catalogue from timm: what it says of its architectures without building one."""

from __future__ import annotations

from typing import Any

import timm
from timm.models import get_arch_pretrained_cfgs, get_deprecated_models, get_pretrained_cfg, model_entrypoint


def read_catalogue() -> dict[str, Any]:
    """Of the timm that is imported: plain data for JSON.

    :returns: its version as `timm`, `former` names that it maps to others, and `architectures` by name in timm's order.
    """
    return {
        "timm": timm.__version__,
        "former": sorted(get_deprecated_models()),
        "architectures": {name: read_architecture(name) for name in timm.list_models()},
    }


def read_architecture(name: str) -> dict[str, Any]:
    """Its family, the licence of each tag's weights (timm's default first), and of which tags something differs.

    :returns: `family` and `weights`; `unpublished` and `other_size` list the tags whose weights aren't to be had, and
        those for images of another size than the default's. All tags, the licences None where timm states none.
    """
    configs = {config.tag or "": config for config in get_arch_pretrained_cfgs(name).values()}
    default = get_pretrained_cfg(name)
    entry = {
        "family": model_entrypoint(name).__module__.rpartition(".")[2],
        "weights": {tag: config.license for tag, config in configs.items() if config.has_weights},
        "unpublished": [tag for tag, config in configs.items() if tag and not config.has_weights],
        "other_size": [
            tag for tag, config in configs.items() if tag and (not default or config.input_size != default.input_size)
        ],
    }
    return {key: value for key, value in entry.items() if value}
