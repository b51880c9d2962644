"""Scores pairs of image files, decoding and scoring on threads."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from numpy.typing import NDArray

import limen
from limen.cli._images import ImageError, read_image
from limen.cli._lpips import score as lpips_scores
from limen.cli._metrics import Image, Metric, data_range
from limen.cli._pairs import Pair

# A batch is complete when its images take so many bytes, or when so many pairs wait for the slowest of them.
_ROOM = 1 << 26
_LONGEST = 256


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
    images: tuple[Image, Image] | None = field(default=None, repr=False)

    def fail(self, metric: Metric, error: Exception) -> None:
        """Tell why a score is missing, after what else is."""
        reason = f"{metric.name}: {error}"
        self.error = reason if self.error is None else f"{self.error}; {reason}"


def score_pairs(pairs: Iterable[Pair], metrics: Sequence[Metric], convention: str, jobs: int) -> Iterator[Row]:
    """Rows in the order of the pairs.

    At most `jobs` pairs of decoded images are in memory at any time; for metrics that score in batches, one batch more
    and what is decoded meanwhile.
    """
    each, batched = [m for m in metrics if m.score], [m for m in metrics if m.net]
    rows = _score_each(pairs, each, convention, jobs, keep=bool(batched))
    yield from _score_batches(rows, batched) if batched else rows


def _score_each(
    pairs: Iterable[Pair], metrics: Sequence[Metric], convention: str, jobs: int, *, keep: bool
) -> Iterator[Row]:
    threads = limen.get_num_threads()
    limen.set_num_threads(max(1, threads // jobs))
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="limen")
    try:
        todo = iter(pairs)
        # A few pairs wait in line for each thread, so that one slow pair at the head of the line leaves none idle.
        waiting = (2 if keep else 8) * jobs
        line: deque[Future[Row]] = deque(
            pool.submit(score_pair, pair, metrics, convention, keep=keep) for pair in islice(todo, waiting)
        )
        while line:
            row = line.popleft().result()
            line.extend(pool.submit(score_pair, pair, metrics, convention, keep=keep) for pair in islice(todo, 1))
            yield row
    finally:
        pool.shutdown(cancel_futures=True)
        limen.set_num_threads(threads)


def _score_batches(rows: Iterable[Row], metrics: Sequence[Metric]) -> Iterator[Row]:
    """The rows with the scores of metrics that take many pairs at a time, those of one size together."""
    waiting: list[Row] = []
    room = _ROOM
    for row in rows:
        waiting.append(row)
        room -= sum(image.nbytes for image in row.images or ())
        if room <= 0 or len(waiting) >= _LONGEST:
            _score_batch(waiting, metrics)
            yield from waiting
            waiting, room = [], _ROOM
    _score_batch(waiting, metrics)
    yield from waiting


def _score_batch(rows: Sequence[Row], metrics: Sequence[Metric]) -> None:
    groups: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        if row.images is not None:
            groups[row.images[0].shape, row.images[0].dtype].append(row)
    for group in groups.values():
        x, y = zip(*(row.images or () for row in group), strict=True)
        for metric in metrics:
            try:
                scores = lpips_scores(metric.net or "", x, y)
            except (ValueError, MemoryError, RuntimeError) as error:  # PyTorch lacks memory by a RuntimeError.
                for row in group:
                    row.fail(metric, error)
            else:
                for row, score in zip(group, scores, strict=True):
                    row.scores[metric.name] = score
    for row in rows:
        row.images = None


def score_pair(pair: Pair, metrics: Sequence[Metric], convention: str, *, keep: bool = False) -> Row:
    """Decode and score one pair, and `keep` its images in the row.

    What fails is told in the row's error; other metrics are still scored.
    """
    row = Row(pair, error=pair.error)
    try:
        x, y = read_pair(pair)
    except ImageError as error:
        row.error = str(error)
        return row
    row.height, row.width = x.shape[:2]
    row.channels = 1 if x.ndim == 2 else x.shape[2]
    row.data_range = data_range(x)
    row.images = (x, y) if keep else None
    for metric in metrics:
        assert metric.score is not None
        try:
            row.scores[metric.name] = metric.score(x, y, convention)
        except (ValueError, MemoryError) as error:
            row.fail(metric, error)
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
