"""`limen autoencoder preferences`: what viewers made of the triplets."""

from __future__ import annotations

import json
import math
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from limen._whole_files import write_atomically
from limen.cli._autoencoder_training import usage_errors
from limen.cli._files import check_writable
from limen.cli._table import align

if TYPE_CHECKING:
    from limen.autoencoders._intervals import Interval
    from limen.autoencoders._judgements import Preference

_RANKS = ("first", "second", "third")


def run(arguments: Namespace) -> int:
    """Print both analyses, and write them where asked."""
    if arguments.output is not None:
        check_writable(arguments.output)
    with usage_errors():
        from limen.autoencoders._judgements import rank_shares, read_preferences

        preferences = read_preferences(arguments.judgements)
        ranks = rank_shares(preferences)
    print(_preference_table(preferences))
    if ranks is not None:
        print(f"\n{_rank_table(ranks)}")
    if arguments.output is not None:
        text = json.dumps(_document(preferences, ranks), ensure_ascii=False, indent=1) + "\n"
        write_atomically(arguments.output, lambda file: file.write(text.encode()))
    return 0


def _preference_table(preferences: list[Preference]) -> str:
    lines = [["preferred", "to", "images", "share of votes", "95 %", "most prefer it on", "95 %"]]
    for one in preferences:
        mean = one.mean
        won, decided, proportion = one.majorities
        lines.append(
            [
                one.b,
                one.a,
                str(len(one.shares)),
                f"{mean.mean:.3f}",
                _ends(mean),
                f"{won} of {decided}",
                _ends(proportion),
            ]
        )
    return align(lines, left={0, 1}, rules=(1,))


def _rank_table(ranks: dict[str, list[Interval]]) -> str:
    lines = [["ranked", *(word for rank in _RANKS for word in (rank, "95 %"))]]
    for name, shares in ranks.items():
        lines.append([name, *(word for share in shares for word in (f"{share.mean:.3f}", _ends(share)))])
    return align(lines, left={0}, rules=(1,))


def _ends(interval: Interval) -> str:
    return "-" if math.isnan(interval.low) else f"{interval.low:.3f} to {interval.high:.3f}"


def _document(preferences: list[Preference], ranks: dict[str, list[Interval]] | None) -> dict[str, Any]:
    return {
        "preferences": [
            {
                "a": one.a,
                "b": one.b,
                "votes": one.votes,
                "share_preferring_b": _three(one.mean),
                "images_preferring_b": _three(one.majorities[2]),
                "images": [_three(image) for image in one.of_images()],
            }
            for one in preferences
        ],
        "ranks": ranks and {name: [_three(share) for share in shares] for name, shares in ranks.items()},
    }


def _three(interval: Interval) -> list[float | None]:
    """Mean, low and high; null for what isn't known."""
    return [None if math.isnan(value) else value for value in (interval.mean, interval.low, interval.high)]
