"""Who changed what through segctl."""

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
