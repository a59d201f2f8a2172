"""Which pair is best on data: many are trained under one budget, and the weak ones stopped early."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submod_attrs={"comparing": ["compare"], "results": ["Comparison", "Row", "pareto_front"]}
)
