"""Who changed what through segctl."""

from collections.abc import Mapping
import datetime as dt
from typing import Any

from sqlalchemy.orm import Session

from segctl.store.tables import AuditEntry


def record(
    session: Session,
    *,
    now: dt.datetime,
    actor: str,
    action: str,
    subject_type: str,
    subject: str,
    before: Any = None,
    after: Any = None,
) -> None:
    """Add an entry to the audit log of this transaction.

    `before` and `after` are JSON values, None for "was not there" and "is gone". `action` is a verb
    (`create`, `edit`, `delete`, …), `subject_type` a noun of the CLI (`segment`, `attribute`, …).
    """
    session.add(
        AuditEntry(
            at=now,
            actor=actor,
            action=action,
            subject_type=subject_type,
            subject=subject,
            before=before,
            after=after,
        )
    )


def changed(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """What an edit's entry keeps: the values that are others now, as they were and as they are.

    None if there is no such value, and then there is nothing to record.
    """
    keys = [key for key in after if after[key] != before[key]]
    if not keys:
        return None
    return {key: before[key] for key in keys}, {key: after[key] for key in keys}
