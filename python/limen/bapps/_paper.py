"""Table 5 of Zhang et al. (2018), arXiv 1801.03924v2: 2AFC in per cent, of networks as they were in version 0.0."""

from __future__ import annotations

from ._layout import DISTORTIONS, REAL

SUBSETS = (*DISTORTIONS, *REAL)

# By the names that this package gives its metrics; a label of the user's that says the same matches too.
TABLE = {
    name: (row, dict(zip(SUBSETS, map(float, figures.split()), strict=True)))
    for name, row, figures in (
        ("human", "Human", "80.8 84.4 73.4 67.1 68.8 68.6"),
        ("l2", "L2", "59.9 77.8 64.7 58.2 63.5 55.0"),
        ("ssim", "SSIM", "60.3 79.1 65.1 58.6 58.1 57.7"),
        ("fsimc", "FSIMc", "61.4 78.6 68.1 59.5 57.3 57.7"),
        ("hdr-vdp", "HDR-VDP", "57.4 76.8 64.7 59.0 53.7 56.6"),
        ("caffe-alex-random", "Random Gaussian", "60.5 80.7 64.9 59.5 62.8 57.2"),
        ("k-means", "K-means", "66.6 83.0 67.3 59.8 63.1 59.8"),
        ("watching", "Watching", "66.5 80.7 69.6 60.6 64.4 61.6"),
        ("split-brain", "Split-Brain", "69.5 81.4 69.6 59.3 64.3 61.1"),
        ("puzzle", "Puzzle", "71.5 82.0 70.2 60.2 62.8 61.8"),
        ("bigan", "BiGAN", "69.8 83.0 70.7 60.5 63.7 62.5"),
        ("squeeze", "SqueezeNet", "73.3 82.6 70.1 60.1 63.6 62.0"),
        ("alex", "AlexNet", "70.6 83.1 71.7 60.7 65.0 62.7"),
        ("vgg", "VGG", "70.1 81.3 69.0 59.0 60.2 62.1"),
        ("squeeze-lin", "Squeeze-lin", "76.1 83.5 71.1 60.8 65.3 63.2"),
        ("alex-lin", "Alex-lin", "73.9 83.4 71.5 61.2 65.3 63.2"),
        ("vgg-lin", "VGG-lin", "76.0 82.8 70.5 60.5 62.5 63.0"),
        ("squeeze-scratch", "Squeeze-scratch", "74.9 83.1 71.1 60.8 63.0 62.4"),
        ("alex-scratch", "Alex-scratch", "77.6 82.8 71.1 61.0 65.6 63.3"),
        ("vgg-scratch", "VGG-scratch", "77.9 83.7 71.1 60.6 64.0 62.9"),
        ("squeeze-tune", "Squeeze-tune", "76.7 83.2 70.4 61.1 63.2 63.2"),
        ("alex-tune", "Alex-tune", "77.7 83.5 69.1 60.5 64.8 62.9"),
        ("vgg-tune", "VGG-tune", "79.3 83.5 69.8 60.5 63.4 62.3"),
    )
}

# What this project computes in another way than the paper, though the row is of the same metric.
SAME_ROW = {"ssim-scikit-image": "ssim", "psnr": "l2", "l2-lab": "l2"}

AVERAGES = {"distortions": DISTORTIONS, "real": REAL, "all": SUBSETS}


def paper_figure(metric: str, column: str) -> float | None:
    """The paper's figure in per cent for a metric, in a subset or as an average; None where it has none."""
    entry = TABLE.get(SAME_ROW.get(metric, metric))
    if entry is None:
        return None
    figures = entry[1]
    if column in AVERAGES:
        return sum(figures[subset] for subset in AVERAGES[column]) / len(AVERAGES[column])
    return figures.get(column)
