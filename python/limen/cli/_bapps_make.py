"""`limen bapps make`: a data set from photographs, judged by a synthetic observer."""

from __future__ import annotations

import sys
from argparse import Namespace

from limen.cli._errors import UsageError
from limen.cli._table import align


def run(arguments: Namespace) -> int:
    """Write the data set, print what is in it."""
    try:
        from limen.bapps.synthetic import Observer, make_dataset

        observer = Observer(arguments.error_rate)
        counts = make_dataset(
            arguments.output,
            arguments.photographs,
            triplets=arguments.triplets,
            jnd=arguments.jnd,
            subsets=arguments.subsets,
            seed=arguments.seed,
            error_rate=arguments.error_rate,
            networks=arguments.networks,
            progress=sys.stderr.isatty(),
        )
    except (ImportError, ValueError, FileExistsError) as error:
        raise UsageError(str(error)) from error
    print(align([["folder", "items"], *([folder, str(count)] for folder, count in counts.items())], left={0}))
    print(f"\n{observer.sentence}\n{arguments.output.resolve()}")
    return 0
