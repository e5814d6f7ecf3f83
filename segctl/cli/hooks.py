"""`segctl hooks`: commands and webhooks that hear who entered and left."""

from enum import StrEnum
import os
from typing import Annotated

import typer

from segctl.cli import context, output
from segctl.cli.options import OutputOption
from segctl.cli.output import Column, Format
from segctl.errors import NotFound, PartlyFailed, SegctlError, UsageError, did_you_mean

app = typer.Typer()

HOOKS = (
    Column("name", "Hook"),
    Column("target", "Calls", empty="– (not in this config)"),
    Column("segments", "Segments", kind="list", empty="all"),
    Column("signed", "Signed", kind="bool"),
    Column("waiting", "Waiting", kind="number"),
    Column("delivered", "Delivered", kind="number"),
    Column("dead", "Dead", kind="number"),
    Column("last_error", "Last error"),
)
DELIVERIES = (
    Column("id", "Id"),
    Column("hook", "Hook"),
    Column("segment", "Segment"),
    Column("run", "Run"),
    Column("entered", "Entered", kind="number", empty="–"),
    Column("left", "Left", kind="number", empty="–"),
    Column("state", "State"),
    Column("attempts", "Attempts", kind="number"),
    Column("next_attempt_at", "Next", kind="time", empty="–"),
    Column("last_error", "Last error"),
)


class State(StrEnum):
    """What a delivery can be."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


HookOption = Annotated[
    str | None, typer.Option("--hook", metavar="HOOK", help="Only those of this hook.")
]


@app.command("list")
def list_(output_format: OutputOption = Format.TABLE) -> None:
    """List the hooks of the config file, with their deliveries.

    Example: segctl hooks list
    """
    from segctl.services import hooks

    with context.store() as store:
        views = hooks.list_hooks(store, context.settings().hooks)
    if not views and output_format is Format.TABLE:
        output.note("there are no hooks: [[hooks]] in segctl.toml makes one")
        return
    rows = (
        {
            "name": view.name,
            "target": view.target,
            "segments": list(view.segments),
            "type": view.type,
            "signed": view.signed,
            "waiting": view.waiting,
            "delivered": view.delivered,
            "dead": view.dead,
            "last_error": view.last_error,
        }
        for view in views
    )
    output.show(rows, HOOKS, output_format)


@app.command()
def deliveries(
    hook: HookOption = None,
    state: Annotated[
        State | None,
        typer.Option("--state", metavar="STATE", help="waiting, delivered or dead."),
    ] = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """List what waits, was delivered, or was given up.

    Example: segctl hooks deliveries --state dead
    """
    from segctl.services import hooks

    with context.store() as store:
        found = hooks.list_deliveries(store, hook=hook, state=state.value if state else None)
    _show(found, output_format)


@app.command()
def retry(
    ids: Annotated[
        list[int] | None, typer.Argument(metavar="ID", help="Deliveries, by id.")
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="All that were given up.")] = False,
    hook: HookOption = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Have deliveries that were given up tried again.

    By the daemon, or by segctl hooks deliver.

    Example: segctl hooks retry 12 13
    """
    if not (ids or all or hook):
        raise UsageError("which deliveries?", hint="name some by id, or say --all")
    if ids and all:
        raise UsageError("--all and ids exclude each other")
    from segctl.services import hooks

    with context.store() as store:
        tried = hooks.retry(store, ids, hook=hook, now=context.now(), actor=context.actor())
    plural = "y" if len(tried) == 1 else "ies"
    output.note(f"{len(tried)} deliver{plural} will be tried again")
    if output_format is not Format.TABLE:
        _show(tried, output_format)


@app.command()
def deliver(hook: HookOption = None) -> None:
    """Deliver what waits, as the daemon does by itself.

    Exits with 1 if every attempt failed, with 3 if some did.

    Example: segctl hooks deliver
    """
    from segctl.config_hooks import secret_of
    from segctl.services import hooks

    known = {found.name: found for found in context.settings().hooks}
    if hook is not None and hook not in known:
        raise NotFound(
            f'there is no hook "{hook}" in the config',
            hint=did_you_mean(hook, known) or "segctl hooks list",
        )
    taken, failed = 0, []
    with context.store() as store:
        for found in known.values():
            if hook not in (None, found.name):
                continue
            secret = secret_of(found, os.environ)
            while attempt := hooks.deliver_next(
                store, found, secret, now=context.now(), environ=os.environ
            ):
                if attempt.error is None:
                    taken += 1
                else:
                    failed.append(attempt)
                    what = f'hook "{found.name}", run {attempt.delivery.run}'
                    output.warn(f"{what}: {attempt.error}")
    output.note(f"{taken} delivered, {len(failed)} failed")
    if failed:
        fields = {"failed": [{"id": a.delivery.id, "error": a.error} for a in failed]}
        kind = PartlyFailed if taken else SegctlError
        raise kind(
            f"{len(failed)} of {len(failed) + taken} deliveries failed",
            hint="they are tried again later: segctl hooks deliveries",
            **fields,
        )


def _show(found: list, output_format: Format) -> None:  # type: ignore[type-arg]
    rows = (
        {
            "id": d.id,
            "hook": d.hook,
            "segment": d.segment,
            "segment_id": d.segment_id,
            "type": d.type,
            "run": d.run,
            "entered": d.entered,
            "left": d.left,
            "state": d.state,
            "created_at": d.created_at,
            "attempts": d.attempts,
            "next_attempt_at": d.next_attempt_at,
            "delivered_at": d.delivered_at,
            "dead_at": d.dead_at,
            "last_error": d.last_error,
        }
        for d in found
    )
    output.show(rows, DELIVERIES, output_format)
