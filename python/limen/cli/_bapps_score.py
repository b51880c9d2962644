"""`limen bapps score`: metrics by both tests, printed or written, beside the paper's figures."""

from __future__ import annotations

import sys
from argparse import Namespace

from limen.cli._bapps_data import open_dataset, progress_bar
from limen.cli._bapps_outputs import scores_table, write_scores
from limen.cli._errors import UsageError, in_options, needs_extra
from limen.cli._files import check_writable


def run(arguments: Namespace) -> int:
    """Score, then print and write. Returns 1 when some item or named metric failed, else 0."""
    for path in filter(None, (arguments.output, arguments.report)):
        check_writable(path)
    if arguments.report is not None:
        with needs_extra("bapps"):
            import jinja2  # noqa: F401
            import matplotlib  # noqa: F401  # type: ignore[unused-ignore]
    dataset = open_dataset(arguments)
    with needs_extra("bapps"):
        from limen.bapps import METRICS, chosen_subsets, find_metrics, score_dataset
    tests = arguments.tests or ("2afc", "jnd")
    try:
        metrics = find_metrics(arguments.metrics or list(METRICS))
        count = sum(map(len, chosen_subsets(dataset, tests, arguments.split, arguments.subsets)))
        with progress_bar(count, "item") as progress:
            results = score_dataset(
                dataset,
                metrics,
                tests=tests,
                split=arguments.split,
                subsets=arguments.subsets,
                draws=arguments.draws,
                seed=arguments.seed,
                strict=arguments.metrics is not None,
                progress=progress,
            )
    except ValueError as error:
        raise UsageError(str(error)) from error
    print(scores_table(results))
    if arguments.output is not None:
        write_scores(arguments.output, results)
    if arguments.report is not None:
        from limen.cli._bapps_report import write_report

        write_report(arguments.report, results)
    for item, reason in results.failures.items():
        print(f"not scored: {item}: {in_options(str(reason), arguments)}", file=sys.stderr)
    failed = results.failures or (arguments.metrics and results.not_run)
    return 1 if failed else 0
