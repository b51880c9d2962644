"""What "SSIM" means: the choices in which libraries differ, and the choices of the libraries that are widely used."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast, get_args

from ._checks import choice, integer, number

if TYPE_CHECKING:
    from . import _core

Window = Literal["gaussian", "uniform"]
Padding = Literal["valid", "zero", "reflect", "symmetric", "replicate"]
Downsample = Literal["symmetric", "zero", "replicate", "floor", "none"]
Covariance = Literal["population", "sample"]
Negative = Literal["clamp", "signed"]
Channels = Literal["separate", "joint"]


@dataclass(frozen=True, kw_only=True)
class Convention:
    """One way of computing SSIM and MS-SSIM. The defaults are those of Wang et al. (2003, 2004).

    Parameters
    ----------
    window
        ``"gaussian"`` or ``"uniform"``; normalised to sum 1.
    size
        Taps of the window along each axis: odd, 3 to 255.
    sigma
        Standard deviation of the Gaussian in pixels, 0.001 or more; without effect on a uniform window.
    k1, k2
        C1 = (k1 data_range)^2 and C2 = (k2 data_range)^2; 0 to 10.
    padding
        ``"valid"`` puts the window only where it fits; with every other padding the SSIM map is as large as the image.
        ``"zero"``; ``"reflect"``, mirrored about the edge pixel (d c b | a b c d); ``"symmetric"``, mirrored about the
        edge itself (b a | a b c d); ``"replicate"`` (a a | a b c d).
    downsample
        How MS-SSIM halves an image, always by means of 2 x 2 pixels. ``"symmetric"`` repeats the last row or column of
        an odd side, ``"zero"`` puts a zero before its first, ``"floor"`` drops its last. ``"replicate"`` repeats the
        first row and the first column when either side is odd, and drops what is left over. ``"none"``: no MS-SSIM.
    covariance
        ``"population"``, or ``"sample"``: variances and covariance times N / (N - 1) with N = size^2.
    negative
        What MS-SSIM makes of a negative mean v before its power: ``"clamp"``, 0; ``"signed"``, sign(v) abs(v)^w.
    weights
        The exponents of MS-SSIM, finest scale first, one for each scale: 1 to 8, not negative.
    channels
        ``"separate"``: MS-SSIM of every channel, then their mean. ``"joint"``: the mean at every scale is taken over
        the channels too, so that there is one product an image. SSIM is the same either way.
    crop_contrast
        Leave the positions where the window needs padding out of the means of contrast-structure in MS-SSIM, which are
        those of every scale but the last.
    epsilon
        Added to the denominator of SSIM, (mu_x^2 + mu_y^2 + C1) (sigma_x^2 + sigma_y^2 + C2); not negative.
    auto_downsample
        For SSIM alone: first put the mean of f x f pixels in the place of each such block, dropping what is left over,
        with f the short side / 256, rounded half to even, at least 1.

    Raises
    ------
    TypeError, ValueError
        Naming the field, the value found and what would do.
    """

    window: Window = "gaussian"
    size: int = 11
    sigma: float = 1.5
    k1: float = 0.01
    k2: float = 0.03
    padding: Padding = "valid"
    downsample: Downsample = "symmetric"
    covariance: Covariance = "population"
    negative: Negative = "clamp"
    weights: tuple[float, ...] = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
    channels: Channels = "separate"
    crop_contrast: bool = False
    epsilon: float = 0.0
    auto_downsample: bool = False

    _text: ClassVar[str]
    """The fields as a Python dictionary, written when the object is made: for torch.compile numbers may be symbols."""

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            self._set(name, choice(name, getattr(self, name), choices))
        for name in ("crop_contrast", "auto_downsample"):
            value = getattr(self, name)
            if not isinstance(value, bool):
                raise TypeError(f"{name} must be True or False; got {value!r}")
        self._set("size", integer("size", self.size))
        if not 3 <= self.size <= _MAX_SIZE or self.size % 2 == 0:
            raise ValueError(
                f"size must be odd, so that the window has a middle, and 3 to {_MAX_SIZE}; got {self.size}"
            )
        for name in ("sigma", "k1", "k2", "epsilon"):
            self._set(name, _number(name, getattr(self, name)))
        if self.sigma < _MIN_SIGMA:
            raise ValueError(f"sigma must be at least {_MIN_SIGMA}; got {self.sigma}")
        for name in ("k1", "k2"):
            if getattr(self, name) > _MAX_K:
                raise ValueError(f"{name} must be at most {_MAX_K}; got {getattr(self, name)}")
        self._set("weights", _numbers("weights", self.weights))
        self._set("_text", repr(self.__getstate__()))

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)  # The one way into a frozen dataclass.

    def __getstate__(self) -> dict[str, Any]:
        # Without what is cached beside the fields, which can be neither copied nor pickled.
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.__post_init__()

    @functools.cached_property
    def _native(self) -> _core.Convention:
        """The same choices as the C++ core takes them."""
        from . import _core

        return _core.Convention(**self.__getstate__())

    @property
    def ssim_min_side(self) -> int:
        """The shortest side SSIM is defined for, before `auto_downsample`."""
        return self._min_side(self.padding)

    @property
    def ms_ssim_min_side(self) -> int:
        """The shortest side MS-SSIM is defined for: every scale has to hold a position of the window.

        Raises
        ------
        ValueError
            Where the convention has no MS-SSIM.
        """
        if self.downsample == "none":
            having = ", ".join(name for name, other in conventions.items() if other.downsample != "none")
            raise ValueError(f"this convention has no MS-SSIM (downsample='none'); these have one: {having}")
        side = self._min_side(self.padding)
        above = self._min_side("valid" if self.crop_contrast else self.padding)
        for _ in self.weights[1:]:
            side = max(above, 2 * side if self.downsample == "floor" else 2 * side - 1)
        return side

    def _min_side(self, padding: Padding) -> int:
        # A mirror shows no more than there is before it; a row of zeros or of one pixel goes on for ever.
        reach = self.size // 2
        return {"valid": self.size, "reflect": reach + 1, "symmetric": reach}.get(padding, 1)

    def map_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the SSIM map of an image of `height` x `width`.

        Raises
        ------
        ValueError
            Where the image is too small for the window.
        """
        sides = height, width
        if self.auto_downsample:
            factor = max(1, round(min(sides) / 256))
            sides = height // factor, width // factor
        if min(sides) < self.ssim_min_side:
            raise ValueError(
                f"an image of {height} x {width} is too small for SSIM with a window of {self.size} and "
                f"padding={self.padding!r}: its sides must be at least {self.ssim_min_side}"
            )
        margin = self.size - 1 if self.padding == "valid" else 0
        return sides[0] - margin, sides[1] - margin


_MAX_SIZE = 255  # What the core's table of taps holds.
_MAX_SCALES = 8  # And what its table of exponents does.
_MIN_SIGMA = 0.001  # The window is its middle tap far above this; its square is divided by.
_MAX_K = 10.0  # With the largest data range of float32, 1e8, C1 C2 is a float32 still.
_CHOICES = {
    "window": get_args(Window),
    "padding": get_args(Padding),
    "downsample": get_args(Downsample),
    "covariance": get_args(Covariance),
    "negative": get_args(Negative),
    "channels": get_args(Channels),
}


def _number(name: str, value: object) -> float:
    found = number(name, value)
    if not (math.isfinite(found) and found >= 0):
        raise ValueError(f"{name} must be finite and not negative; got {found}")
    return found


def _numbers(name: str, values: object) -> tuple[float, ...]:
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        raise TypeError(f"{name} must be a sequence of numbers, one for each scale; got {values!r}")
    numbers = tuple(_number(name, value) for value in cast(Any, values))
    if not numbers:
        raise ValueError(f"{name} must have one exponent for each scale; got none")
    if len(numbers) > _MAX_SCALES:
        raise ValueError(f"{name} must have at most {_MAX_SCALES} exponents, one for each scale; got {len(numbers)}")
    return numbers


# fmt: off
conventions: Mapping[str, Convention] = MappingProxyType({
    # ssim_index.m and msssim.m, channel by channel. They know no clamp: a negative mean makes them complex.
    "wang": Convention(),
    # The same: it repeats the last row or column of an odd side as MATLAB's imfilter does. Clamps.
    "tensorflow": Convention(),
    # avg_pool2d(padding=side % 2) counts its zeros.
    "pytorch-msssim": Convention(downsample="zero"),
    # The mean SSIM takes in the padded border, the mean contrast-structure doesn't, and both take in the channels.
    "torchmetrics": Convention(padding="reflect", downsample="floor", channels="joint", crop_contrast=True),
    # Its SSIM shrinks large images unless it is told downsample=False.
    "piq": Convention(downsample="replicate", auto_downsample=True),
    # Pads, then crops the border off its mean.
    "scikit-image": Convention(window="uniform", size=7, covariance="sample", downsample="none"),
    # gaussian_weights=True leaves the sample covariance of an 11 x 11 uniform window on.
    "scikit-image-gaussian": Convention(covariance="sample", downsample="none"),
    # window_size=11, and the mean of its map. Its MS_SSIMLoss is another metric, without a pyramid.
    "kornia": Convention(padding="reflect", downsample="none", epsilon=1e-12),
    # Knows data_range=1 alone.
    "fused-ssim": Convention(padding="zero", downsample="none"),
    # Snell et al. (2017): five scales, every exponent 1, which needs no clamp. How the paper pads isn't known. On
    # 96 x 96 crops of photographs this moves the score by -.003 from that of the same pixels in their surroundings,
    # zeros by +.04 to +.08.
    "snell": Convention(padding="replicate", negative="signed", weights=(1.0,) * 5),
})
# fmt: on


def as_convention(convention: str | Convention) -> Convention:
    """The convention of that name, or the one given.

    Raises
    ------
    TypeError, ValueError
        Saying which names there are.
    """
    if isinstance(convention, Convention):
        return convention
    if not isinstance(convention, str):
        raise TypeError(f"convention must be a limen.Convention or a name; got {type(convention).__name__}")
    if convention not in conventions:
        names = ", ".join(conventions)
        raise ValueError(f"convention must be a limen.Convention or one of {names}; got {convention!r}")
    return conventions[convention]
