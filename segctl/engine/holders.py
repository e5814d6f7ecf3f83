"""Who holds leases. Imports no SQLAlchemy, so that a listing can say what is running."""

from dataclasses import dataclass
import datetime as dt

from segctl.engine.owner import parse_owner
from segctl.store.glance import Glance, instant

_QUERY = {
    "sqlite": "SELECT segment_id, token, owner, host, pid, started_at, expires_at, "
    "expires_at <= strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') FROM lease",
    "postgresql": "SELECT segment_id, token, owner, host, pid, started_at, expires_at, "
    "expires_at <= clock_timestamp() FROM lease",
}


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lease of a segment, and since when."""

    segment_id: int
    token: str
    owner: str
    host: str
    pid: int
    started_at: dt.datetime
    expires_at: dt.datetime
    expired: bool

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host.partition('/')[0]}"

    @property
    def is_dead(self) -> bool:
        """Whether its process is known to have ended."""
        owner = parse_owner(self.owner)
        return owner is not None and owner.is_dead


def holders(glance: Glance) -> dict[int, Holder]:
    """Segment: its lease, those that have run out included."""
    return {
        segment: Holder(
            segment, token, owner, host, pid, instant(started), instant(expires), bool(expired)
        )
        for segment, token, owner, host, pid, started, expires, expired in glance.rows(
            _QUERY[glance.dialect]
        )
    }


def running(glance: Glance) -> dict[int, Holder]:
    """The leases that count: not run out, and not of a process that is known to have ended."""
    return {
        segment: holder
        for segment, holder in holders(glance).items()
        if not holder.expired and not holder.is_dead
    }
