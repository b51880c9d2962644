"""`limen bapps study`: a page that collects judgements, and a data set of what it has collected."""

from __future__ import annotations

import webbrowser
from argparse import Namespace

from limen.cli._errors import UsageError
from limen.cli._table import align


def run(arguments: Namespace) -> int:
    """Serve until interrupted, or export."""
    try:
        return _export(arguments) if arguments.export is not None else _serve(arguments)
    except (ImportError, ValueError, FileExistsError) as error:
        raise UsageError(str(error)) from error


def _serve(arguments: Namespace) -> int:
    from limen.bapps.study import Study, serve

    study = Study(
        arguments.directory,
        arguments.test,
        answers=arguments.answers,
        trials=arguments.trials,
        sentinels=arguments.sentinels,
        seed=arguments.seed,
    )
    try:
        server = serve(study, arguments.port)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"can't serve at port {arguments.port}: {reason}; --port names another") from error
    address = f"http://127.0.0.1:{server.server_address[1]}/"
    print(f"{study.test}: {len(study.items)} items; answers go to {study.answers.path.resolve()}")
    print(f"{address}\nCtrl-C ends it; subjects go on where they left when it runs again.", flush=True)
    if arguments.open:
        webbrowser.open(address)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print()
    finally:
        server.server_close()
    return 0


def _export(arguments: Namespace) -> int:
    from limen.bapps.study import export

    exported = export(arguments.directory, arguments.export, answers=arguments.answers, pass_rate=arguments.pass_rate)
    folders = sorted({*exported.items, *exported.unanswered})
    rows = [[name, str(exported.items.get(name, 0)), str(exported.unanswered.get(name, 0))] for name in folders]
    print(align([["folder", "items", "without a vote"], *rows], left={0}))
    print(f"\n{exported.subjects} subjects", *exported.left_out, arguments.export.resolve(), sep="\n")
    return 1 if exported.unanswered else 0
