"""`segctl store`: look the store over, upgrade it, back it up, index it."""

from pathlib import Path
from typing import Annotated

import typer

from segctl.cli import context, indexes, output
from segctl.cli.options import OutputOption, YesOption
from segctl.cli.output import Column, Format
from segctl.errors import CheckFailed

app = typer.Typer()
app.add_typer(
    indexes.app,
    name="index",
    help="Indexes on attributes, for conditions that are slow.",
    no_args_is_help=True,
)

COLUMNS = (
    Column("check", "Check"),
    Column("ok", "OK", kind="bool"),
    Column("problem", "Problem"),
)


@app.command()
def check(output_format: OutputOption = Format.TABLE) -> None:
    """Look the store over for damage.

    That is: broken references, missing triggers, attributes without columns, wrong counts. Exits
    with 6 when something is wrong.

    Example: segctl store check
    """
    from segctl.services import stores

    settings = context.settings()
    checks = stores.check(
        context.store_url(),
        busy_timeout=settings.seconds("busy_timeout"),
        connect_timeout=settings.seconds("connect_timeout"),
    )
    rows = [
        {"check": c.name, "ok": c.ok, "problem": problem}
        for c in checks
        for problem in c.problems or (None,)
    ]
    output.show(rows, COLUMNS, output_format)
    failed = [c.name for c in checks if not c.ok]
    if failed:
        raise CheckFailed(
            f"the store has problems: {', '.join(failed)}",
            hint="docs/store.md says what each check means and how to mend it",
            failed=failed,
        )


@app.command()
def upgrade(yes: YesOption = False) -> None:
    """Bring the store's schema up to date with this segctl.

    A SQLite store is backed up beside itself first. For Postgres the command prints how to back it
    up, and asks for --yes.

    Example: segctl store upgrade
    """
    from segctl.services import stores

    settings = context.settings()
    done = stores.upgrade(
        context.store_url(),
        now=context.now(),
        actor=context.actor(),
        yes=yes,
        busy_timeout=settings.seconds("busy_timeout"),
        connect_timeout=settings.seconds("connect_timeout"),
    )
    if done.before == done.after:
        output.note(f"the store is up to date: schema {done.after}")
        return
    if done.backup:
        output.note(f"backup: {done.backup.path}")
    output.note(
        f"upgraded from schema {done.before} to {done.after}; "
        "the next recalculation of each segment is a full one"
    )


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False,
) -> None:
    """Copy the store to a file while it is in use, and verify the copy.

    For Postgres, print the pg_dump command that does it.

    Example: segctl store backup segctl.backup
    """
    from segctl.services import stores

    made = stores.back_up(context.store_url(), file, force=force)
    if isinstance(made, str):
        output.note("Postgres backs its databases up itself; this is the command:")
        output.line(made)
        return
    output.note(f"{made.path}: {made.rows:,} rows, {made.bytes:,} bytes, verified")


@app.command()
def prune() -> None:
    """Delete history beyond what the workspace keeps.

    How long and how much that is: segctl workspace show.

    Example: segctl store prune
    """
    from segctl.services import stores

    with context.store() as store:
        gone = stores.prune(store, now=context.now(), actor=context.actor())
    output.note(
        f"pruned {gone.trace:,} rows of the write trace, {gone.changes:,} member changes "
        f"and {gone.runs:,} runs"
    )
