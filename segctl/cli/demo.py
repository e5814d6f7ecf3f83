"""`segctl demo`: a store full of generated records and segments to try things on."""

import os
from pathlib import Path
import shlex
from typing import Annotated

import typer

from segctl.cli import context, init, output
from segctl.config import FILE_NAME
from segctl.errors import AlreadyExists

FOLDER = Path("demo")
"""Where the demo goes if no store is named."""

TO_TRY = (
    ("who is in a segment", "segctl segments members 'Big spenders' --columns name,email,country"),
    ("what it says", "segctl segments show 'Stalled deals'"),
    ("a question of your own", "segctl preview --type company --where 'no contacts (score > 50)'"),
    ("the whole list for a program", "segctl segments list -o json"),
)


def command(
    records: Annotated[
        int, typer.Option("--records", metavar="N", help="How many records; events come on top.")
    ] = 24_000,
    seed: Annotated[
        int, typer.Option("--seed", metavar="S", help="Another seed makes another workspace.")
    ] = 1,
) -> None:
    """Make a store with a generated CRM workspace, and count its segments.

    Without --store it goes to the folder demo, with a segctl.toml that names it, so that every
    command given in that folder means it. A store that holds anything is refused.

    Example: segctl demo --store big.sqlite --records 200000
    """
    from segctl.cli.segments import show_segments
    from segctl.services import demo, recalculation

    now, actor = context.now(), context.actor()
    named = context.current().store or os.environ.get("SEGCTL_STORE")
    with demo.prepare(named or _folder(), now=now) as store:
        # About 1.7 events for each record; the bar is an estimate.
        with output.progress("Making records", records * 2.7) as advance:
            made = demo.fill(
                store, records=records, seed=seed, now=now, actor=actor, progress=advance
            )
        recalculation.recalculate(store, now=now)
        show_segments(store)
        output.note(
            f"\n{made.records:,} records, {made.events:,} events, {made.team} team members and "
            f"{made.segments} segments are in {store}. To try:\n"
        )
    output.note(f"  export SEGCTL_STORE={shlex.quote(named)}" if named else f"  cd {FOLDER}")
    for what, line in TO_TRY:
        output.note(f"  {line}\n      # {what}")


def _folder() -> str:
    """Make the demo's folder with its segctl.toml; the address of the store in there."""
    store, file = FOLDER / init.STORE, FOLDER / FILE_NAME
    if store.exists() or file.exists():
        raise AlreadyExists(
            f"there is a demo in the folder {FOLDER} already",
            hint=f"cd {FOLDER} and look around, or take it away first: rm -r {FOLDER}",
        )
    FOLDER.mkdir(exist_ok=True)
    file.write_text(f'{init.HEADER}store = "{init.STORE}"\n', encoding="utf-8")
    return str(store)
