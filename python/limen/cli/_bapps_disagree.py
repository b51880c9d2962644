"""`limen bapps disagree`: a contact sheet of the pairs on which two metrics differ most."""

from __future__ import annotations

from argparse import Namespace

import numpy as np

from limen._whole_files import write_atomically
from limen.cli._bapps_data import open_dataset, progress_bar
from limen.cli._errors import UsageError, needs_extra
from limen.cli._files import check_writable
from limen.cli._table import align

_SIDE = 320  # What a patch is enlarged to, or nearly.
_GAP = 8


def run(arguments: Namespace) -> int:
    """Draw the sheet, print its pairs. Returns 1 when some item couldn't be read, else 0."""
    check_writable(arguments.output)
    if len(set(arguments.metrics)) != 2:
        raise UsageError(f"--metric must be given for two different metrics; got {', '.join(arguments.metrics)}")
    dataset = open_dataset(arguments)
    with needs_extra("bapps"):
        from limen.bapps import chosen_subsets, disagreements, evaluate, find_metrics
    try:
        first, second = find_metrics(arguments.metrics)
        measures = {metric.name: metric.make() for metric in (first, second)}
        subsets = chosen_subsets(dataset, (arguments.test,), arguments.split, arguments.subsets)
        with progress_bar(sum(map(len, subsets)), "item") as progress:
            measured = [evaluate(subset, measures, progress=progress) for subset in subsets]
    except ValueError as error:
        raise UsageError(str(error)) from error
    for one in measured:
        for name, reason in one.broken.items():
            raise UsageError(f"{name}: {reason}")
    found = disagreements(measured, first.name, second.name, arguments.count)
    if not found:
        raise UsageError(f"{first.name} and {second.name} rank all pairs alike")
    from limen.cli._contact_sheet import Tile, draw_contact_sheet

    tiles = []
    for pair in found:
        times = max(1, _SIDE // pair.reference.shape[0])
        gap = np.full((times * pair.reference.shape[0], _GAP, 3), 255, np.uint8)
        both = [image.repeat(times, 0).repeat(times, 1) for image in (pair.reference, pair.other)]
        tiles.append(
            Tile(
                np.concatenate([both[0], gap, both[1]], 1),
                f"{_verdict(first.name, pair.ranks[0])}, {_verdict(second.name, pair.ranks[1])}",
                f"{pair.distances[0]:.4g}, {pair.distances[1]:.4g}; {pair.name.split('/', 2)[2]}",
            )
        )
    sheet = draw_contact_sheet(tiles)
    write_atomically(arguments.output, lambda file: sheet.save(file, "png"))
    lines = [["pair", first.name, "rank", second.name, "rank"]]
    for pair in found:
        numbers = [text for d, r in zip(pair.distances, pair.ranks, strict=True) for text in (f"{d:.4g}", f"{r:.2f}")]
        lines.append([pair.name, *numbers])
    print(align(lines, left={0}, rules=(1,)))
    print(f"\nranks: 0 nearest, 1 farthest of all pairs; {arguments.output}")
    return 1 if any(one.failures for one in measured) else 0


def _verdict(name: str, rank: float) -> str:
    return f"{name} {100 * rank:.0f} %"
