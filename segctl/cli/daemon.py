"""`segctl daemon`: recalculate what is due, for as long as it runs."""

from collections.abc import Callable
from contextlib import ExitStack
import datetime as dt
from enum import StrEnum
import os
from pathlib import Path
import signal
import sys
import threading
import time
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segctl.cli import context, output
from segctl.cli.cells import as_json, instant, visible
from segctl.cli.options import TypeOption, duration
from segctl.errors import FileError, UsageError

if TYPE_CHECKING:
    from segctl.daemon.events import Event, Tell
    from segctl.daemon.service import Daemon


class LogFormat(StrEnum):
    """How events are written."""

    TEXT = "text"
    JSON = "json"


def command(
    once: Annotated[
        bool, typer.Option("--once", help="Do what is due now and exit; for cron.")
    ] = False,
    run_for: Annotated[
        dt.timedelta | None,
        typer.Option(
            "--for", metavar="DURATION", parser=duration, help="Run this long, such as 10m."
        ),
    ] = None,
    type: TypeOption = None,
    lanes: Annotated[
        str,
        typer.Option(
            "--lanes", metavar="LANES", help="Which segments: light, heavy or light,heavy."
        ),
    ] = "light,heavy",
    log_format: Annotated[
        LogFormat | None,
        typer.Option(
            "--log-format",
            metavar="FORMAT",
            help="A line per event instead of the live table: text or json.",
        ),
    ] = None,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            "--metrics-port", metavar="PORT", min=0, max=65535, help="Serve metrics on this port."
        ),
    ] = None,
    metrics_address: Annotated[
        str,
        typer.Option("--metrics-address", metavar="ADDRESS", help="The address of that port."),
    ] = "127.0.0.1",
    metrics_file: Annotated[
        Path | None,
        typer.Option(
            "--metrics-file",
            metavar="FILE",
            help="Write metrics into this file, for node_exporter's textfile collector.",
        ),
    ] = None,
) -> None:
    """Recalculate segments when their intervals are over, until it is stopped.

    Segments that are due together form one batch per type, what they refer to first; those that
    are too heavy run one at a time in a lane of their own. Several daemons share the work on one
    store. On a terminal the Segment Management table is shown live, otherwise a line per event.

    Example: segctl daemon --log-format json
    """
    if once and run_for is not None:
        raise UsageError("--once and --for exclude each other")
    if metrics_file is not None and not metrics_file.parent.is_dir():
        raise FileError(f"there is no folder {metrics_file.parent} for --metrics-file")
    from segctl.config_hooks import secret_of
    from segctl.daemon.lanes import LaneName
    from segctl.daemon.options import Options
    from segctl.daemon.service import Daemon

    chosen = _lanes(lanes)
    settings = context.settings()
    options = Options(
        lanes=[LaneName(name) for name in chosen],
        type=type,
        hooks=settings.hooks,
        secret=lambda hook: secret_of(hook, os.environ),
        environ=os.environ,
        actor=context.actor(),
        busy_timeout=settings.seconds("busy_timeout"),
        connect_timeout=settings.seconds("connect_timeout"),
        metrics_address=None if metrics_port is None else (metrics_address, metrics_port),
        metrics_file=metrics_file,
    )
    url = context.store_url()
    _refuse_what_will_not_mend(url)
    live = log_format is None and not once and sys.stdout.isatty() and not context.quiet()
    tell = _silent if live else _writer(log_format or LogFormat.TEXT)
    daemon = Daemon(url, options, clock=context.now, tell=tell)
    if once:
        _once(daemon)
        return
    _stop_by_signals(daemon)
    with ExitStack() as stack:
        idle = _display(daemon, stack) if live else _nothing
        daemon.run(None if run_for is None else run_for.total_seconds(), idle)


def _once(daemon: "Daemon") -> None:
    from segctl.services.outcomes import verdict

    outcomes = daemon.once()
    failure = verdict(outcomes)
    if failure is not None:
        raise failure
    output.detail(f"{len(outcomes):,} segments were recalculated")


def _stop_by_signals(daemon: "Daemon") -> None:
    """Ctrl-C and SIGTERM, however often, end the daemon in order; `main` has the exit code."""

    def stop(number: int, frame: FrameType | None) -> None:
        context.current().stopped_by = number
        daemon.stop()

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)


def _refuse_what_will_not_mend(url: str) -> None:
    """A store that is missing or of another version stops the daemon; one that is away does not."""
    from segctl.errors import Busy, StoreError
    from segctl.store.opening import open_store

    try:
        open_store(url, busy_timeout=1).close()
    except Busy:
        pass
    except StoreError as error:
        if error.fields.get("reason") != "no_answer":
            raise


def _lanes(text: str) -> list[str]:
    from segctl.daemon.lanes import LaneName

    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    if not names or not set(names) <= set(LaneName):
        raise UsageError(f'--lanes: "{text}" is not a list of lanes', hint="light, heavy or both")
    return names


# ---------------------------------------------------------------- what is shown


def _silent(event: "Event") -> None:
    """The live table shows everything."""


def _nothing() -> None:
    """There is no display to keep fresh."""


def _writer(format: LogFormat) -> "Tell":
    """Write a line per event to stdout."""

    def tell(event: "Event") -> None:
        if format is LogFormat.JSON:
            row: dict[str, Any] = {
                "at": event.at,
                "event": event.kind.value,
                "message": event.text,
                **event.fields,
            }
            text = as_json(row)
        else:
            text = f"{instant(event.at)} {event.kind.value} {visible(event.text)}"
            trace = event.fields.get("traceback")
            text += f"\n{trace}" if trace else ""
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    return tell


def _display(daemon: "Daemon", stack: ExitStack) -> Callable[[], None]:
    from segctl.cli.live import REFRESH, render, screen

    live = stack.enter_context(screen())
    shown_at = [0.0]

    def idle() -> None:
        if time.monotonic() - shown_at[0] < REFRESH:
            return
        shown_at[0] = time.monotonic()
        live.update(
            render(daemon.look(), daemon.tally.errors, daemon.trouble.lasting), refresh=True
        )

    return idle
