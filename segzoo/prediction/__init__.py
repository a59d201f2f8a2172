"""From an image of any size to its class map, tile by tile, so that memory stays bounded."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "augmented": ["Augmented"],
        "engine": ["Engine", "ModelEngine"],
        "filing": ["Outcome", "Predicted", "Task", "predict_files"],
        "outputs": ["Wanted"],
        "predicting": ["ClassMap", "predict"],
        "predictor": ["Predictor"],
        "sink": ["Sink", "TensorSink"],
        "source": ["ArraySource", "Source", "TensorSource", "Window"],
        "streaming": ["stream"],
        "tiling": ["Span", "Tiling", "spans"],
        "writers": ["HeadClasses"],
    },
)
