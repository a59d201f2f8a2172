"""Training a pair, on Lightning: what is segmentation is here, the loop is theirs."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "average": ["moving_average"],
        "class_weights": ["balanced_weights"],
        "objective": ["Objective"],
        "recipes": ["Recipe", "recipe_for"],
        "run": ["Run", "train"],
        "schedule": ["schedule"],
        "settings": ["Settings", "read_settings", "write_settings"],
        "unused": ["freeze_unused"],
    },
)
