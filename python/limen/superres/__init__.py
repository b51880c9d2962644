"""Super-resolution trained with perceptual losses: SRCNN on luminance, and how it is scored.

The super-resolution experiment of Snell et al., Learning to generate images with perceptual similarity metrics (2017).
"""

from __future__ import annotations

try:
    import skimage  # noqa: F401
    import torch  # noqa: F401
except ImportError as error:
    raise ImportError(f"limen.superres needs {error.name}: pip install 'limen[autoencoders]'") from error

from ._luminance import SCALES, Pair, degrade, luminance
from ._resize import resize
from ._srcnn import NETS, SRCNN

__all__ = ["NETS", "SCALES", "SRCNN", "Pair", "degrade", "luminance", "resize"]
