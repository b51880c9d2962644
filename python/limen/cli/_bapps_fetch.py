"""`limen bapps fetch`: downloads the released archives."""

from __future__ import annotations

import sys
from argparse import Namespace

from limen.cli._errors import UsageError, needs_extra


def run(arguments: Namespace) -> int:
    """Fetch; prints of each archive the SHA-256. Returns 1 when one couldn't be had, else 0."""
    with needs_extra("bapps"):
        from limen.bapps._fetch import ARCHIVES, fetch
    failed = False
    for part in dict.fromkeys(arguments.parts or ARCHIVES):
        path = arguments.directory / ARCHIVES[part][0]
        try:
            sums = fetch(arguments.directory, [part])
        except ValueError as error:
            raise UsageError(str(error)) from error
        except OSError as error:
            print(f"{part}: {error}; the same command goes on where it stopped", file=sys.stderr)
            failed = True
        else:
            print(f"{sums[path.name]}  {path}" if sums else f"{path} is there already")
    return 1 if failed else 0
