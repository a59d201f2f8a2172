"""segzoo: any encoder, any decoder, any image size.

Importing segzoo imports no torch: the public names stand in `__init__.pyi`, and each is loaded when it is first used.
"""

import lazy_loader

from segzoo import namesake

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

namesake.warn()
