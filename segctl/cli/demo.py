"""`segctl demo`: a store full of generated records and segments to try things on."""

from pathlib import Path
import shlex
from typing import Annotated

import typer

from segctl.cli import context, output, segments
from segctl.errors import AlreadyExists

FOLDER = Path("demo")
"""Where the demo goes if no store is named."""


def command(
    records: Annotated[
        int, typer.Option("--records", metavar="N", help="How many records; events come on top.")
    ] = 24_000,
    seed: Annotated[
        int,
        typer.Option("--seed", metavar="S", help="Another seed makes another workspace."),
    ] = 1,
) -> None:
    """Make a store with a generated CRM workspace, and count its segments.

    Without --store it goes to the folder demo, with a segctl.toml beside it, so that every command
    given in there means it. A store that holds anything is refused.
    """
    from segctl.services import demo, recalculation

    now = context.now()
    url, again = _place()
    with demo.prepare(url, now=now) as store:
        # A guess at the events, which come on top; the bar is full early or late by a little.
        with output.progress("Making records", round(records * 2.7)) as advance:
            made = demo.fill(
                store,
                records=records,
                seed=seed,
                now=now,
                actor=context.actor(),
                progress=advance,
            )
        with output.progress("Recalculating", made.segments) as advance:
            recalculation.recalculate(store, now=context.now(), progress=advance)
        segments.list_segments(store)
    output.note(f"\n{made.records:,} records, {made.events:,} events, {made.team} team members")
