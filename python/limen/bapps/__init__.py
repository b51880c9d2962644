"""BAPPS, the human judgements behind LPIPS (Zhang et al. 2018): reading them, scoring metrics by them, training.

Images are uint8 (H, W, 3); distances are larger for images that look less alike; judgements are shares in [0, 1].
"""

from __future__ import annotations

try:
    import PIL  # noqa: F401
except ImportError as error:
    raise ImportError("limen.bapps needs Pillow: pip install 'limen[bapps]'") from error

from ._dataset import Dataset, Subset
from ._disagree import Disagreement, disagreements
from ._evaluate import Measured, evaluate
from ._images import ItemError
from ._metrics import METRICS, Metric, MetricError, find_metrics, network_metric, own_metric
from ._results import Results, chosen_subsets, score_dataset
from ._scores import Score, correlation, jnd_map, two_afc, two_afc_human

__all__ = [
    "METRICS",
    "Dataset",
    "Disagreement",
    "ItemError",
    "Measured",
    "Metric",
    "MetricError",
    "Results",
    "Score",
    "Subset",
    "chosen_subsets",
    "correlation",
    "disagreements",
    "evaluate",
    "find_metrics",
    "jnd_map",
    "network_metric",
    "own_metric",
    "score_dataset",
    "two_afc",
    "two_afc_human",
]
