"""What other rules would have done with the conversations that there were.

A replay evaluates each conversation at the time at which it was opened, but on what is known now:
attributes, events, relations and stored members as they are today, today's conditions, today's
groups and who is active today.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
import datetime as dt
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import ObjectType
from segctl.errors import NotFound, UsageError
from segctl.services.assignments import find_rule
from segctl.services.decision import Judge, Result, Trial, label
from segctl.services.decision_rules import Rule, Rules, load_rules
from segctl.services.record_values import record_name
from segctl.store.opening import Store
from segctl.store.tables_team import Conversation

_conversation: sa.Table = Conversation.__table__  # type: ignore[attr-defined]

AS_OF_NOW: Final = (
    "attributes, events, relations, stored members, conditions and the team are as of now; only "
    "the clock is that of each conversation"
)


@dataclass(frozen=True, slots=True)
class Difference:
    """A conversation that would go to somebody else. None: to nobody."""

    id: int
    external_id: str | None
    contact: str
    opened_at: dt.datetime
    before: str | None
    before_segment: str | None
    after: str | None
    after_segment: str | None


@dataclass(frozen=True, slots=True)
class Move:
    """How many conversations would go from one assignee to another; None: nobody."""

    before: str | None
    after: str | None
    count: int


@dataclass(frozen=True, slots=True)
class Simulation:
    """The outcome. `compared` says with what: the decisions as stored, or a replay of the rules.

    `gone` conversations are of contacts that were deleted, and are not replayed. `drifted`: so
    many decisions differ from what today's rules in today's order would decide; they are not
    among the differences unless it is these that were asked for.
    """

    compared: str
    order: Sequence[str]
    replayed: int
    gone: int
    drifted: int
    moves: Sequence[Move]
    differences: Sequence[Difference]


Outcome = tuple[str | None, str | None]
"""Assignee and segment of the rule that decided."""


def simulate(
    store: Store,
    *,
    since: dt.datetime,
    order: Sequence[str] = (),
    without: Sequence[str] = (),
    progress: Callable[[int], None] = lambda done: None,
) -> Simulation:
    """Replay the conversations opened since then; nothing is stored.

    With `order` (rules that come first, in that order; the others follow in theirs) or `without`
    (rules left out) those rules are compared with the present ones, both replayed. With neither,
    the present rules are compared with the decisions as they were stored.
    """
    with store.read() as session:
        rules = load_rules(session)
        other = _rearranged(session, rules, order, without)
        replay = _Replay(Judge(session, rules))
        changed = bool(order or without)
        differences: list[Difference] = []
        moves: Counter[tuple[str | None, str | None]] = Counter()
        replayed = gone = drifted = 0
        for row in session.execute(_opened_since(session, rules, since)).mappings():
            progress(1)
            if row["known"] is None:
                gone += 1
                continue
            replayed += 1
            trial = Trial(replay.judge, row["contact_id"], row["opened_at"])
            stored = _stored(row["trace"])
            present = replay.outcome(trial, rules.rules)
            drifted += stored[0] != present[0]
            before = present if changed else stored
            after = replay.outcome(trial, other) if changed else present
            if before[0] == after[0]:
                continue
            moves[before[0], after[0]] += 1
            differences.append(
                Difference(
                    id=row["id"],
                    external_id=row["external_id"],
                    contact=record_name(row["contact_id"], row["contact"]),
                    opened_at=row["opened_at"],
                    before=before[0],
                    before_segment=before[1],
                    after=after[0],
                    after_segment=after[1],
                )
            )
    return Simulation(
        compared="the present rules" if changed else "the decisions as stored",
        order=[rule.segment for rule in other],
        replayed=replayed,
        gone=gone,
        drifted=drifted,
        moves=[Move(*ends, count) for ends, count in moves.most_common()],
        differences=differences,
    )


class _Replay:
    """Decisions by several orders of the same rules; who can take something is asked once."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self._assignees: dict[int, str | None] = {}

    def outcome(self, trial: Trial, order: Sequence[Rule]) -> Outcome:
        for rule in order:
            if trial.test(rule).result is Result.MATCHED:
                assignee = self._assignee(rule)
                if assignee is not None:
                    return assignee, rule.segment
        return None, None

    def _assignee(self, rule: Rule) -> str | None:
        if rule.id not in self._assignees:
            found = self.judge.assign(rule, take=False)
            self._assignees[rule.id] = None if isinstance(found, str) else str(found)
        return self._assignees[rule.id]


def _rearranged(
    session: Session, rules: Rules, order: Sequence[str], without: Sequence[str]
) -> list[Rule]:
    by_id = {rule.id: rule for rule in rules.rules}
    first: list[int] = []
    for word in order:
        for id in _named(session, word):
            if id in first:
                raise UsageError(f'--order names the rule "{by_id[id].segment}" twice')
            first.append(id)
    out = {find_rule(session, word).id for word in without}
    if out & set(first):
        raise UsageError("a rule cannot be in --order and in --without")
    ids = first + [id for id in by_id if id not in first]
    return [by_id[id] for id in ids if id not in out]


def _named(session: Session, word: str) -> list[int]:
    """The rule of that name, or the rules in a list with commas."""
    try:
        return [find_rule(session, word).id]
    except NotFound:
        if "," not in word:
            raise
    return [find_rule(session, part).id for part in word.split(",") if part.strip()]


def _opened_since(session: Session, rules: Rules, since: dt.datetime) -> sa.Select[Any]:
    table = _conversation.c
    contact = rules.tables.record(ObjectType.CONTACT)
    return (
        sa.select(
            table.id,
            table.external_id,
            table.contact_id,
            table.opened_at,
            table.trace,
            contact.c.id.label("known"),
            contact.c.external_id.label("contact"),
        )
        .outerjoin(contact, contact.c.id == table.contact_id)
        .where(table.opened_at >= since)
        .order_by(table.opened_at, table.id)
    )


def _stored(trace: Sequence[Mapping[str, Any]]) -> Outcome:
    """What a rule decided, whoever has changed it since."""
    for step in trace:
        if step.get("result") == Result.MATCHED:
            return label(step.get("member"), step.get("group")), step.get("segment")
    return None, None
