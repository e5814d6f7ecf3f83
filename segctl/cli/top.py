"""`segctl top`: the status, live."""

import datetime as dt
import sys
import time
from typing import Annotated

import typer

from segctl.cli import context, output
from segctl.cli.options import TypeOption, duration
from segctl.errors import SegctlError, UsageError


def command(
    type: TypeOption = None,
    run_for: Annotated[
        dt.timedelta | None,
        typer.Option(
            "--for", metavar="DURATION", parser=duration, help="Run this long, such as 10m."
        ),
    ] = None,
) -> None:
    """Show the Segment Management table and what runs, live, until Ctrl-C.

    Example: segctl top --type deal
    """
    if not sys.stdout.isatty():
        raise UsageError("there is no terminal to show it on", hint="segctl status -o json")
    from segctl.cli.live import REFRESH, render, screen
    from segctl.services.status import Status, status

    end = None if run_for is None else time.monotonic() + run_for.total_seconds()
    with context.store() as store, screen() as live:
        seen: Status | None = None
        while end is None or time.monotonic() < end:
            trouble = None
            try:
                seen = status(store, now=context.now(), type=type)
            except SegctlError as error:
                trouble = error.message
            live.update(render(seen, trouble=trouble), refresh=True)
            time.sleep(REFRESH)
    output.detail("the end of --for was reached")
