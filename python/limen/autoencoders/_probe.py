"""What codes know of faces: whose they are, and where the light comes from (Snell et al. 2017, Extended Yale B).

Stated by the paper, as far as it is known here: codes go to a linear support-vector machine, which tells identities,
and to support-vector regressors of the light's azimuth and elevation; the images are divided again and again into 60 %
for training, 20 % for choosing, 20 % for the test.
Declared choices, where the paper is silent or not to be had:

- codes, and the angles in degrees, are standardised by the training part;
- the regressors are linear too; both have squared hinge or squared epsilon-insensitive errors, whose solver has one
  answer for the same data;
- C, and the regressors' epsilon in deviations of the angle, are chosen from `STRENGTHS` and `TOLERANCES`, the first
  best on the 20 %; the machine that is tested has seen the 60 % alone;
- ten repetitions; images are divided without regard to whose they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from .._checks import integer
from ._intervals import Interval
from ._yale import Faces

try:
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC, LinearSVR
except ImportError as error:
    raise ImportError("probing codes needs scikit-learn: pip install 'limen[autoencoders]'") from error

STRENGTHS = (0.0001, 0.001, 0.01, 0.1, 1.0, 10.0)
TOLERANCES = (0.0, 0.1, 0.3)

_TRAIN, _CHOOSE = 0.6, 0.2
_ITERATIONS = 10_000
_LEAST = 10
_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Question:
    """One thing that codes are asked. digits: after the point."""

    name: str
    title: str
    digits: int


QUESTIONS = (
    Question("identity", "identity, errors in %", 2),
    Question("azimuth", "azimuth, degrees²", 0),
    Question("elevation", "elevation, degrees²", 0),
)

Answers = dict[str, NDArray[np.float64]]


def probe(codes: NDArray[Any], faces: Faces, *, repeats: int = 10, seed: int = 0) -> Answers:
    """Errors on test images: of identity in per cent, of azimuth and elevation the mean square in degrees.

    Parameters
    ----------
    codes
        (N, code size), finite.
    faces
        What is known of those N images.
    repeats
        Divisions into 60, 20 and 20 %. They depend on the seed alone, so that answers of several codes are paired.

    Returns
    -------
    answers
        By the question's name, (repeats,).

    Raises
    ------
    TypeError, ValueError
        Naming the argument, the value found and what would do.
    """
    codes = np.asarray(codes, np.float64)
    if codes.ndim != 2 or len(codes) != len(faces) or not codes.shape[1] or not np.isfinite(codes).all():
        raise ValueError(f"codes must be finite and ({len(faces)}, code size), a row a face; got shape {codes.shape}")
    check_faces(faces, repeats)
    found: dict[str, list[float]] = {question.name: [] for question in QUESTIONS}
    for number in range(repeats):
        parts = _divided(len(codes), np.random.default_rng([seed, number]))
        found["identity"].append(100 * _least_error(_classifiers(), codes, faces.subjects, parts, _share_wrong))
        for name, angles in (("azimuth", faces.azimuths), ("elevation", faces.elevations)):
            found[name].append(_least_error(_regressors(), codes, angles, parts, _mean_square))
    return {name: np.array(errors) for name, errors in found.items()}


def check_faces(faces: Faces, repeats: int) -> None:
    """Raise ValueError where `probe` could ask nothing of these faces."""
    if integer("repeats", repeats) < 1:
        raise ValueError(f"repeats must be at least 1; got {repeats}")
    if len(faces) < _LEAST:
        raise ValueError(f"faces must be at least {_LEAST}, to be divided; got {len(faces)}")
    if len(np.unique(faces.subjects)) < 2:
        raise ValueError(f"faces must be of two subjects or more; got {len(np.unique(faces.subjects))}")


def interval(errors: NDArray[Any]) -> Interval:
    """The mean over divisions and its 95 % interval, or that of differences between two codes on the same divisions.

    Divisions of the same images share most of their training parts, so that the variance over them is too small: it is
    corrected after Nadeau and Bengio, Inference for the generalization error (2003), by the ratio of test to training
    images. How the answer would change with another training of the autoencoder isn't in it.
    """
    count = len(errors)
    mean = float(errors.mean())
    if count < 2:
        return Interval(mean, np.nan, np.nan)
    ratio = (1 - _TRAIN - _CHOOSE) / _TRAIN
    half = stats.t.ppf((1 + _CONFIDENCE) / 2, count - 1) * errors.std(ddof=1) * np.sqrt(1 / count + ratio)
    return Interval(mean, float(mean - half), float(mean + half))


def _divided(count: int, random: np.random.Generator) -> list[NDArray[np.intp]]:
    order = random.permutation(count)
    first, second = round(_TRAIN * count), round((_TRAIN + _CHOOSE) * count)
    return [order[:first], order[first:second], order[second:]]


def _classifiers() -> list[Any]:
    return [
        make_pipeline(StandardScaler(), LinearSVC(C=strength, dual=False, max_iter=_ITERATIONS))
        for strength in STRENGTHS
    ]


def _regressors() -> list[Any]:
    return [
        TransformedTargetRegressor(
            make_pipeline(
                StandardScaler(),
                LinearSVR(
                    C=strength,
                    epsilon=tolerance,
                    loss="squared_epsilon_insensitive",
                    dual=False,
                    max_iter=_ITERATIONS,
                ),
            ),
            transformer=StandardScaler(),
        )
        for strength, tolerance in product(STRENGTHS, TOLERANCES)
    ]


def _least_error(
    machines: Sequence[Any],
    codes: NDArray[np.float64],
    wanted: NDArray[Any],
    parts: Sequence[NDArray[np.intp]],
    error: Callable[[NDArray[Any], NDArray[Any]], float],
) -> float:
    """The test error of the machine with the least error on the part for choosing."""
    train, choose, test = parts
    fitted = [machine.fit(codes[train], wanted[train]) for machine in machines]
    errors = [error(machine.predict(codes[choose]), wanted[choose]) for machine in fitted]
    best = fitted[int(np.argmin(errors))]
    return error(best.predict(codes[test]), wanted[test])


def _share_wrong(found: NDArray[Any], wanted: NDArray[Any]) -> float:
    return float(np.mean(found != wanted))


def _mean_square(found: NDArray[Any], wanted: NDArray[Any]) -> float:
    return float(np.mean((found - wanted) ** 2))
