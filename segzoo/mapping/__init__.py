"""From files of any size to files of class maps: many, in one process or in many, and where they lie on the ground."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "filing": ["predict_file", "predict_files"],
        "fleet": ["predict_on_ray"],
        "head_classes": ["HeadClasses"],
        "inputs": ["Input", "find_inputs"],
        "opening": ["open_source"],
        "predictor": ["Predictor"],
        "rasters": ["RasterSource", "open_raster"],
        "task": ["Outcome", "Predicted", "Task", "Wanted"],
    },
)
