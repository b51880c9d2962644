"""The aims this project has set itself, and what was measured of them."""

from __future__ import annotations

from dataclasses import dataclass

from .results import Results


@dataclass(frozen=True)
class Target:
    """A ratio to reach: limen's speed over the peer's, or with `at_most` limen's time over the peer's."""

    name: str
    operation: str
    peer: str
    at_least: float
    aim: float
    at_most: bool = False
    words: tuple[str, str] = ("", "")

    @property
    def bounds(self) -> tuple[str, str]:
        """What is asked at least and what is aimed at, for the eye."""
        sign = "at most " if self.at_most else ""
        at_least, aim = (f"{sign}{bound:g}x" for bound in (self.at_least, self.aim))
        return self.words[0] or at_least, self.words[1] or aim

    def measured(self, results: Results, case: str) -> tuple[float, float, float] | None:
        """The ratio of medians, and the smallest and largest of a round; None where nothing was measured."""
        comparison = results.comparison(self.operation, self.peer, case)
        if comparison is None:
            return None
        low, high = comparison.range
        return (1 / comparison.ratio, 1 / high, 1 / low) if self.at_most else (comparison.ratio, low, high)

    def reaches(self, value: float, bound: float) -> bool:
        """Whether a measured ratio is on the right side."""
        return value <= bound if self.at_most else value >= bound


SSIM, SSIM_GRADIENT, MS_SSIM, MS_SSIM_GRADIENT = MAIN_OPERATIONS = (
    "SSIM forward",
    "SSIM forward and one gradient",
    "MS-SSIM forward",
    "MS-SSIM forward and one gradient",
)

TARGETS = [
    Target("SSIM forward vs OpenCV's five GaussianBlur calls", SSIM, "OpenCV", 4, 6),
    Target("SSIM forward vs pytorch-msssim", SSIM, "pytorch-msssim", 70, 120),
    Target("SSIM forward and one gradient vs pytorch-msssim", SSIM_GRADIENT, "pytorch-msssim", 50, 80),
    Target("MS-SSIM forward vs pytorch-msssim", MS_SSIM, "pytorch-msssim", 35, 60),
    Target("MS-SSIM forward and one gradient vs pytorch-msssim", MS_SSIM_GRADIENT, "pytorch-msssim", 25, 40),
    *(
        Target(
            f"{metric}, time of both gradients over one",
            f"{metric} forward and both gradients",
            "limen, one gradient",
            at_least=1.4,
            aim=1.2,
            at_most=True,
        )
        for metric in ("SSIM", "MS-SSIM")
    ),
    Target(
        "SSIM forward of uint8 (H, W, C) vs float32 planar",
        "SSIM forward of uint8 (H, W, C)",
        "limen, float32 planar",
        at_least=1.0,
        aim=1.02,  # Two runs of the same thing differ by less.
        words=("no slower", "faster"),
    ),
    *(
        Target(f"{name}, two threads vs one", f"{name} on two threads", "limen, one thread", 1.8, 1.95)
        for name in MAIN_OPERATIONS
    ),
]

# No aim, but what a second thread is worth on the machine, to work that needs nothing but a processor.
HASHING, HASHING_ON_ONE = "Hashing on two threads", "one thread"

# LPIPS has cases of its own: a network is a hundred times the work of SSIM, and two threads are what it is run on.
_NETS = ("alex", "squeeze", "vgg")
LPIPS_FORWARD = {net: f"LPIPS {net} forward" for net in _NETS}
LPIPS_BFLOAT16 = {net: f"LPIPS {net} forward in bfloat16" for net in _NETS}
LPIPS_GRADIENT = {net: f"LPIPS {net} forward and one gradient" for net in _NETS}
DISTANCE_FORWARD = {net: f"LPIPS distance of {net} features, forward" for net in _NETS}
DISTANCE_BACKWARD = {net: f"LPIPS distance of {net} features, backward" for net in _NETS}
LPIPS_MATRIX = "LPIPS alex of all pairs of a set"
LPIPS_MEMORY = "LPIPS vgg forward and one gradient"


def _lpips(operations: dict[str, str], *bounds: tuple[float, float]) -> list[Target]:
    return [
        Target(f"{operations[net]} vs lpips", operations[net], "lpips", *bound)
        for net, bound in zip(_NETS, bounds, strict=True)
    ]


LPIPS_TARGETS = [
    *_lpips(LPIPS_FORWARD, (1.15, 1.3), (1.5, 1.8), (1.2, 1.4)),
    *_lpips(LPIPS_BFLOAT16, (1.5, 1.5), (2.5, 2.5), (2.2, 2.2)),
    *_lpips(LPIPS_GRADIENT, (1.1, 1.3), (1.4, 1.6), (1.15, 1.3)),
    *_lpips(DISTANCE_FORWARD, (5, 5), (10, 10), (12, 12)),
    *_lpips(DISTANCE_BACKWARD, (8, 15), (8, 15), (8, 15)),
    Target(f"{LPIPS_MATRIX} vs lpips, pair by pair", LPIPS_MATRIX, "lpips", 20, 40),
]
LPIPS_MEMORY_AT_MOST, LPIPS_MEMORY_AIM = 0.7, 0.5

# What an objective adds to a step of the convolutional autoencoder, as a part of the step with the squared error.
STEP, STEP_OF_PEER = "Training step, MS-SSIM by limen", "Training step, MS-SSIM by pytorch-msssim, windows of 5"
STEP_ON_ONE = f"{STEP}, on one thread"
STEP_BASELINE = "the same with MSE"
STEP_ADDS_AT_MOST = 0.05

# A batch of images, beside the step that takes it.
DATA, DATA_BASELINE = "Training data", "a step"
DATA_READ_ONCE = f"{DATA}, photographs of a folder read and cut"
DATA_AT_LEAST = 1.0

SMALL_PAIR = "SSIM of a 64x64 pair"
SMALL_PAIRS = ("NumPy float32 (64, 64)", "NumPy uint8 (64, 64)")
SMALL_PAIR_AT_MOST, SMALL_PAIR_AIM = 40e-6, 15e-6

# Aims alone: of the largest error in float32.
ACCURACY = {"photographs": 2e-6, "cruel": 1e-5}
