"""Scores pairs of image files, decoding and scoring on threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from numpy.typing import NDArray

import limen
from limen.cli._images import ImageError, read_image
from limen.cli._metrics import Metric, data_range
from limen.cli._pairs import Pair


@dataclass
class Row:
    """What is known of one pair: its scores by metric name, and why some or all are missing."""

    pair: Pair
    width: int | None = None
    height: int | None = None
    channels: int | None = None
    data_range: int | None = None
    scores: dict[str, float] = field(default_factory=dict)
    error: str | None = None


def score_pairs(pairs: Iterable[Pair], metrics: Sequence[Metric], convention: str, jobs: int) -> Iterator[Row]:
    """Rows in the order of the pairs. At most `jobs` pairs of decoded images are in memory at any time."""
    threads = limen.get_num_threads()
    limen.set_num_threads(max(1, threads // jobs))
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="limen")
    try:
        todo = iter(pairs)
        # A few pairs wait in line for each thread, so that one slow pair at the head of the line leaves none idle.
        line: deque[Future[Row]] = deque(
            pool.submit(score_pair, pair, metrics, convention) for pair in islice(todo, 8 * jobs)
        )
        while line:
            row = line.popleft().result()
            line.extend(pool.submit(score_pair, pair, metrics, convention) for pair in islice(todo, 1))
            yield row
    finally:
        pool.shutdown(cancel_futures=True)
        limen.set_num_threads(threads)


def score_pair(pair: Pair, metrics: Sequence[Metric], convention: str) -> Row:
    """Decode and score one pair. What fails is told in the row's error; other metrics are still scored."""
    row = Row(pair, error=pair.error)
    try:
        x, y = read_pair(pair)
    except ImageError as error:
        row.error = str(error)
        return row
    row.height, row.width = x.shape[:2]
    row.channels = 1 if x.ndim == 2 else x.shape[2]
    row.data_range = data_range(x)
    for metric in metrics:
        try:
            row.scores[metric.name] = metric.score(x, y, convention)
        except (ValueError, MemoryError) as error:
            reason = f"{metric.name}: {error}"
            row.error = reason if row.error is None else f"{row.error}; {reason}"
    return row


def read_pair(pair: Pair) -> tuple[NDArray[Any], NDArray[Any]]:
    """Both images of a pair, of the same shape and dtype; ImageError says why there are none."""
    if pair.reference is None or pair.distorted is None:
        raise ImageError(pair.error or "no partner")
    x, y = read_image(pair.reference), read_image(pair.distorted)
    if (x.shape, x.dtype) != (y.shape, y.dtype):
        raise ImageError(f"the images differ: {_describe(x)} against {_describe(y)}")
    return x, y


def _describe(image: NDArray[Any]) -> str:
    height, width = image.shape[:2]
    return f"{width} x {height}, {'grey' if image.ndim == 2 else 'RGB'}, {image.dtype.itemsize * 8} bits"
