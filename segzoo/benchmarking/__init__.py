"""What pairs cost: time, memory, parameters and multiply-adds, each pair and runtime in a process of its own."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "benching": ["bench"],
        "conditions": ["Conditions"],
        "cost": ["Cost"],
        "measuring": ["measure"],
        "results": ["Benchmark", "Row"],
        "task": ["Measured", "Task"],
    },
)
