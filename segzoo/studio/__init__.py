"""A page in the browser: choose a pair, try a model on a picture, see what its stages see, watch a run."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "launching": ["launch"],
        "page": ["build_page"],
        "settings": ["Settings"],
        "space": ["export_space"],
    },
)
