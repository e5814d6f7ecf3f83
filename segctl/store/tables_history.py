"""The tables of history and of what stops a recalculation.

Plain rows like those of tables.py.
"""

import datetime as dt

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from segctl.store.tables import BigInteger
from segctl.store.types import Instant


class ChangeHorizon(SQLModel, table=True):
    """How far the member changes of a segment have been pruned; without a row, not at all.

    The changes of the run and of all before it are gone, those of later ones are all there.
    `started_at` is when the run started: the members of that time can still be told.
    """

    __tablename__ = "change_horizon"

    segment_id: int = Field(
        sa_column=sa.Column(
            BigInteger, sa.ForeignKey("segment.id", ondelete="CASCADE"), primary_key=True
        )
    )
    recalculation_id: int = Field(sa_type=BigInteger)
    started_at: dt.datetime = Field(sa_type=Instant)


class CancelRequest(SQLModel, table=True):
    """Somebody wants a recalculation stopped. Postgres only; SQLite has files for it.

    `token` is that of the lease, so that the request is for one holder and for no later one.
    Who recalculates deletes the row when he has read it.
    """

    __tablename__ = "cancel_request"

    token: str = Field(primary_key=True)
    segment_id: int = Field(sa_column=sa.Column(BigInteger, primary_key=True, autoincrement=False))
    requested_by: str
