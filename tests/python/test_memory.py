"""Working memory of large images, measured in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("resource")

# Peak memory of a call beyond what is there before it, in MiB. The images are touched, and small ones scored first.
CODE = """
import resource, sys
import numpy, limen
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
limen.set_num_threads(2)
options = dict(data_range=1.0, channel_axis={axis}, convention={convention!r}) if {ranged} else dict(channel_axis={axis})
small = numpy.ones({small}, {dtype!r})
limen.{function}(small, small, **options)
x, y = (numpy.full({shape}, value, {dtype!r}) for value in (1, 0))
before = peak()
result = limen.{function}(x, y, **options)
print(peak() - before)
"""


def growth(function: str, dtype: str, axis: int = -3, convention: str = "wang") -> float:
    shape, small = ((3, 2160, 3840), (3, 200, 200)) if axis == -3 else ((2160, 3840, 3), (200, 200, 3))
    names = {"function": function, "dtype": dtype, "axis": axis, "convention": convention}
    code = CODE.format(**names, shape=shape, small=small, ranged="ssim" in function)
    output = subprocess.run([sys.executable, "-c", code], env=os.environ, capture_output=True, text=True, check=True)
    return float(output.stdout)


# An image of float32 has 95 MiB. Here is what kernels work in, and a little for the allocator's ways.
@pytest.mark.parametrize(("dtype", "axis"), [("float32", -3), ("uint8", -1), ("float64", -1)])
@pytest.mark.parametrize("function", ["ssim", "ms_ssim", "mse"])
def test_scores_need_next_to_nothing(function: str, dtype: str, axis: int) -> None:
    assert growth(function, dtype, axis) < 5


@pytest.mark.parametrize("convention", ["piq", "torchmetrics", "fused-ssim"])
def test_scores_of_any_convention(convention: str) -> None:
    assert growth("ssim", "uint8", -1, convention) < 8


def test_gradients_need_little_more_than_themselves() -> None:
    assert growth("ssim_gradient", "float32") < 2 * 95 + 15
