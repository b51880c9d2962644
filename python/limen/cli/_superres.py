"""`limen superres`: hands over to the module of its action."""

from __future__ import annotations

from argparse import Namespace
from importlib import import_module


def run(arguments: Namespace) -> int:
    """Run the command; returns its exit status."""
    status: int = import_module(f"limen.cli._superres_{arguments.action}").run(arguments)
    return status
