"""From an image of any size to its class map, tile by tile, so that memory stays bounded."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "array_engine": ["ArrayEngine", "Session"],
        "augmented": ["Augmented"],
        "engine": ["Engine", "ModelEngine"],
        "predicting": ["ClassMap", "predict"],
        "sink": ["Sink", "TensorSink"],
        "source": ["ArraySource", "Source", "TensorSource", "Window"],
        "streaming": ["stream"],
        "tiling": ["Span", "Tiling", "spans"],
    },
)
