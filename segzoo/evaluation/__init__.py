"""How good a model is on data: scores, and pictures of where it fails."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "average_precision": ["ObjectMetrics", "ObjectScores"],
        "evaluating": ["Evaluation", "ImageScore", "evaluate"],
        "panoptic_quality": ["PanopticMetrics", "PanopticScores"],
    },
)
