"""What somebody who has a batch recalculated may want to know and decide while it runs."""

from collections.abc import Set

from sqlalchemy.orm import Session

from segctl.services.outcomes import Outcome
from segctl.services.segment_views import SegmentView


class Stopped(Exception):
    """The batch was told to stop; what was not committed is undone, and its leases are free."""


class Watch:
    """Watches a batch and does nothing. Whoever wants more overrides what he needs."""

    def stopped(self) -> bool:
        """Whether to give up as soon as possible."""
        return False

    def still_wanted(self, session: Session, segments: Set[int]) -> Set[int]:
        """Those to recalculate of the segments whose leases have just been taken.

        The others are left alone: somebody else has done it by now. In the transaction that takes
        the leases, so that nobody can do it afterwards either.
        """
        return segments

    def taken_over(self, segments: int) -> None:
        """So many leases had been left behind by others."""

    def started(self, view: SegmentView) -> None:
        """A segment's turn has come."""

    def finished(self, outcome: Outcome) -> None:
        """What became of it."""
