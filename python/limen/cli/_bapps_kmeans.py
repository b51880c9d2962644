"""`limen bapps kmeans`: a network from photographs alone."""

from __future__ import annotations

from argparse import Namespace

from limen._whole_files import write_atomically
from limen.cli._errors import UsageError, needs_extra
from limen.cli._files import check_writable


def run(arguments: Namespace) -> int:
    """Write the weights, print where."""
    check_writable(arguments.output)
    if not arguments.photographs.is_dir():
        raise UsageError(f"there is no folder {arguments.photographs}")
    with needs_extra("bapps"):
        import torch

        from limen.torch import kmeans_backbone
    try:
        weights = kmeans_backbone(arguments.photographs, net=arguments.net, seed=arguments.seed)
    except ValueError as error:
        raise UsageError(str(error)) from error
    write_atomically(arguments.output, lambda file: torch.save(weights, file))
    print(arguments.output)
    return 0
