"""Super-resolution trained with perceptual losses: SRCNN on luminance, and how it is scored.

The super-resolution experiment of Snell et al., Learning to generate images with perceptual similarity metrics (2017).
`limen.superres._training` trains, and alone needs Lightning.
"""

from __future__ import annotations

try:
    import skimage  # noqa: F401
    import torch  # noqa: F401
except ImportError as error:
    raise ImportError(f"limen.superres needs {error.name}: pip install 'limen[autoencoders]'") from error

from ._checkpoints import Trained, load
from ._images import Source, folder_images, held_out_photographs, training_photographs
from ._luminance import SCALES, Pair, degrade, luminance
from ._patches import Patches, cut
from ._recipe import Recipe
from ._resize import resize
from ._scoring import Restored, Scores, restore, restore_and_score
from ._srcnn import NETS, SRCNN
from ._summary import Difference, compare

__all__ = [
    "NETS",
    "SCALES",
    "SRCNN",
    "Difference",
    "Pair",
    "Patches",
    "Recipe",
    "Restored",
    "Scores",
    "Source",
    "Trained",
    "compare",
    "cut",
    "degrade",
    "folder_images",
    "held_out_photographs",
    "load",
    "luminance",
    "resize",
    "restore",
    "restore_and_score",
    "training_photographs",
]
