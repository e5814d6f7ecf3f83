"""`segctl demo`: a store full of generated records and segments to try things on."""

from collections.abc import Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import shlex
from typing import Annotated

import typer

from segctl.cli import context, init, output
from segctl.config import FILE_NAME
from segctl.errors import AlreadyExists, FileError, StoreError, UsageError

FOLDER = Path("demo")
"""Where the demo goes if no store is named."""

TO_TRY = (
    ("who is in a segment", "segctl segments members 'Big spenders' --columns name,email,country"),
    ("what it says", "segctl segments show 'Stalled deals'"),
    ("what a team member sees first", "segctl view deal --as agata.zuk@crema.example --limit 5"),
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
    from segctl.cli import recalc
    from segctl.cli.segments import show_segments
    from segctl.services import demo
    from segctl.services.segments import list_segments

    now, actor = context.now(), context.actor()
    with _place() as (url, way), demo.prepare(url, now=now) as store:
        # About 1.7 events for each record; the bar is an estimate.
        with output.progress("Making records", records * 2.7) as advance:
            made = demo.fill(
                store, records=records, seed=seed, now=now, actor=actor, progress=advance
            )
        _, failure = recalc.run(store, None)
        show_segments(list_segments(store))
        output.note(
            f"\n{made.records:,} records, {made.events:,} events, {made.team} team members and "
            f"{made.segments} segments are in {store}. To try:\n\n  {way}"
        )
    for what, line in TO_TRY:
        output.note(f"  {line}\n      # {what}")
    if failure is not None:
        raise failure


@contextmanager
def _place() -> Iterator[tuple[str, str]]:
    """The address of the store, and what to type so that the next commands mean it.

    The folder that is made for it is gone again if the demo cannot be made. A config file does not
    count: it most likely names a store that is in use.
    """
    named = context.current().store or os.environ.get("SEGCTL_STORE")
    if named:
        from segctl.store.address import without_secrets

        plain, password = without_secrets(named)
        shown = shlex.quote(plain) if password is None else "…"
        yield named, f"export SEGCTL_STORE={shown}"
        return
    store, file = FOLDER / init.STORE, FOLDER / FILE_NAME
    if store.exists() or file.exists():
        raise AlreadyExists(
            f"there is a demo in the folder {FOLDER} already",
            hint=f"cd {FOLDER} and look around, or take it away first: rm -r {FOLDER}",
        )
    try:
        FOLDER.mkdir(exist_ok=True)
        file.write_text(f'{init.HEADER}store = "{init.STORE}"\n', encoding="utf-8")
    except OSError as error:
        raise FileError(f"{file} cannot be written: {error.strerror}") from error
    try:
        yield str(store), f"cd {FOLDER}"
    except (UsageError, AlreadyExists, StoreError, KeyboardInterrupt):
        for made in (file, store, Path(f"{store}-wal"), Path(f"{store}-shm")):
            made.unlink(missing_ok=True)
        raise
