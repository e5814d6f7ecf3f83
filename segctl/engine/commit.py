"""What must still hold when a recalculation commits, and what it leaves behind besides members."""

from collections.abc import Mapping
import time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.engine import history, lease, state
from segctl.engine.definition import Definition
from segctl.engine.history import Counts, Start
from segctl.errors import NotFound, SegctlError
from segctl.store import outbox
from segctl.store.tables import Segment
from segctl.store.workspace import load_workspace

_segment: sa.Table = Segment.__table__  # type: ignore[attr-defined]


class DefinitionChanged(SegctlError):
    """The segment was edited or deleted while it was recalculated."""

    code = "definition_changed"


def guard(session: Session, definition: Definition, token: str) -> None:
    """Make sure that the definition is the one evaluated, and give the lease back.

    The session sees what is committed now, and keeps both from changing until its end. Raises
    DefinitionChanged, LeaseLost, NotFound.
    """
    now = lock_definition(session, definition.id)
    if now is None:
        raise NotFound(f'the segment "{definition.name}" was deleted while it was recalculated')
    if now != definition.hash:
        raise DefinitionChanged(
            f'the condition of "{definition.name}" was changed while it was recalculated, so '
            "nothing of this run was kept",
            hint=f'recalculate it again: segctl recalc "{definition.name}"',
        )
    lease.hand_in(session, definition.id, token)


def guard_all(session: Session, hashes: Mapping[int, str], token: str) -> list[int]:
    """What `guard` does for several segments; those that pass, by id. The others are left alone."""
    query = (
        sa.select(_segment.c.id, _segment.c.definition_hash)
        .where(_segment.c.id.in_(list(hashes)))
        .order_by(_segment.c.id)
    )
    rows = session.execute(query.with_for_update(read=True))
    same = [id for id, hash in rows if hash == hashes[id]]
    return sorted(lease.hand_in_all(session, same, token))


def lock_definition(session: Session, segment: int) -> str | None:
    """The hash of the definition, held until the transaction ends; None if it was deleted.

    To be asked before anything of the segment is written or freed, as a deletion does: or the two
    could wait for each other.
    """
    query = sa.select(_segment.c.definition_hash).where(_segment.c.id == segment)
    return session.execute(query.with_for_update(read=True)).scalar()


def finish(
    session: Session,
    start: Start,
    definition: Definition,
    run: int,
    counts: Counts,
    began: float,
    watermark: dict[str, Any] | None,
) -> None:
    """Complete the run row and the state. `began` is a reading of time.perf_counter."""
    duration = time.perf_counter() - began
    history.finish_run(session, run, counts, duration)
    if start.hooks and counts.entered + counts.left:
        outbox.add(session, start.hooks, segment=definition.id, run=run, now=start.now)
    workspace = load_workspace(session)
    seen = watermark if start.traced else None
    state.counted(session, workspace, start, definition.hash, counts, duration, seen)
    session.flush()
