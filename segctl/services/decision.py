"""Who gets a contact's conversation: the first rule that matches, and why the others did not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
import datetime as dt
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import Attribute, ObjectType, Relation
from segctl.conditions.stored import StoredRecord, stored_record
from segctl.conditions.time import Clock
from segctl.conditions.truth import Record, Value, holds
from segctl.errors import NotFound
from segctl.services.decision_rules import Rule, Rules, Source
from segctl.services.turns import Nobody, pick
from segctl.store.tables import SegmentState
from segctl.store.tables_team import TeamMember
from segctl.store.types import instant_text

_member: sa.Table = TeamMember.__table__  # type: ignore[attr-defined]
_state: sa.Table = SegmentState.__table__  # type: ignore[attr-defined]


_MEMBER = sa.select(_member.c.email, _member.c.active).where(_member.c.id == sa.bindparam("member"))


class Result(StrEnum):
    """What became of a rule in a decision."""

    MATCHED = "matched"
    NOT_MATCHED = "not matched"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a rule matches the contact. `as_of`: stored members that took part, by segment."""

    result: Result
    reason: str
    as_of: tuple["CountedAt", ...] = ()


@dataclass(frozen=True, slots=True)
class CountedAt:
    """A segment whose stored members were read, and when they were counted."""

    segment: str
    type: ObjectType
    at: dt.datetime
    error: str | None
    """Why they could not be counted since."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """To whom: a group, with the member it picked, or a team member by himself."""

    member_id: int | None
    member: str | None
    group_id: int | None = None
    group: str | None = None

    def __str__(self) -> str:
        """`group Sales`, `anna@example.com`."""
        return label(self.member, self.group)


def label(member: str | None, group: str | None) -> str:
    """Who is the assignee: the group if there is one, whomever it picked; empty for nobody."""
    return f"group {group}" if group is not None else member or ""


@dataclass(frozen=True, slots=True)
class Decision:
    """The rule that decided and to whom it assigns; both None where no rule could.

    `trace` are plain JSON values, an object for each rule that was looked at.
    """

    source: Source
    rule: Rule | None
    assigned: Assigned | None
    trace: Sequence[Mapping[str, Any]]

    @property
    def skipped(self) -> list[Mapping[str, Any]]:
        """The rules that were not asked or could not assign, disabled ones left out."""
        return [
            step
            for step in self.trace
            if step["result"] == Result.SKIPPED and step["reason"] != DISABLED
        ]


DISABLED = "it is disabled"


class Judge:
    """The rules, in one transaction."""

    def __init__(self, session: Session, rules: Rules) -> None:
        self.session = session
        self.rules = rules
        self._states: dict[int, Any] | None = None

    def decide(
        self, contact: int, now: dt.datetime, *, take: bool, every: bool = False
    ) -> Decision:
        """The decision for a contact, evaluated at `now`.

        With `take` the picked member of a group has had a turn. With `every` the trace also lists
        the rules after the one that decided. NotFound if there is no such contact.
        """
        trial = Trial(self, contact, now)
        trace: list[Mapping[str, Any]] = []
        decided: Rule | None = None
        to: Assigned | None = None
        for rule in self.rules.rules:
            if decided is not None:
                reason = DISABLED if not rule.enabled else f'"{decided.segment}" has decided'
                trace.append(_step(rule, Verdict(Result.SKIPPED, reason), now))
                continue
            verdict = trial.test(rule)
            if verdict.result is Result.MATCHED:
                found = self.assign(rule, take=take)
                if isinstance(found, str):
                    reason = f"{found}; it would have matched"
                    verdict = Verdict(Result.SKIPPED, reason, verdict.as_of)
                else:
                    decided, to = rule, found
            trace.append(_step(rule, verdict, now, to if decided is rule else None))
            if decided is not None and not every:
                break
        return Decision(self.rules.source, decided, to, trace)

    def assign(self, rule: Rule, *, take: bool) -> Assigned | str:
        """To whom the rule assigns now, or why it cannot."""
        if rule.group_id is None:
            assert rule.member_id is not None
            return self.assign_member(rule.member_id)
        return self.assign_group(rule.group_id, take=take)

    def assign_member(self, id: int) -> Assigned | str:
        row = self.session.execute(_MEMBER, {"member": id}).one()
        return Assigned(id, row.email) if row.active else f"{row.email} is deactivated"

    def assign_group(self, id: int, *, take: bool) -> Assigned | str:
        picked = pick(self.session, id, self.rules.strategy, take=take)
        if isinstance(picked, Nobody):
            return picked.reason
        return Assigned(picked.member_id, picked.member, id, picked.group)

    def state(self, segment: int) -> Any:
        """What is known of a segment's stored members; None if it was never counted."""
        if self._states is None:
            ids = {reference.id for rule in self.rules.rules for reference in rule.stored}
            if self.rules.source is Source.STORED:
                ids |= {rule.segment_id for rule in self.rules.rules}
            query = sa.select(
                _state.c.segment_id, _state.c.last_counted_at, _state.c.last_error
            ).where(_state.c.segment_id.in_(sorted(ids)), _state.c.count.is_not(None))
            self._states = {row.segment_id: row for row in self.session.execute(query)}
        return self._states.get(segment)


class Trial:
    """One contact at one moment, asked by one rule after the other."""

    def __init__(self, judge: Judge, contact: int, now: dt.datetime) -> None:
        rules = judge.rules
        self._judge = judge
        self._contact = contact
        self._clock = Clock(now, rules.zone)
        self._members: set[int] | None = None
        self._live: dict[int, bool] = {}
        self._verdicts: dict[int, Verdict] = {}
        self._record: _LiveRecord | None = None

    def test(self, rule: Rule) -> Verdict:
        """Whether the rule matches; the same answer each time."""
        verdict = self._verdicts.get(rule.id)
        if verdict is None:
            verdict = self._verdicts[rule.id] = self._test(rule)
        return verdict

    def _test(self, rule: Rule) -> Verdict:
        if not rule.enabled:
            return Verdict(Result.SKIPPED, DISABLED)
        if self._judge.rules.source is Source.STORED:
            return self._stored(rule)
        if rule.problem is not None:
            return Verdict(Result.SKIPPED, rule.problem)
        as_of = []
        for reference in rule.stored:
            state = self._judge.state(reference.id)
            if state is None:
                return Verdict(Result.SKIPPED, f"{reference}, which it reads, was never counted")
            as_of.append(
                CountedAt(reference.name, reference.type, state.last_counted_at, state.last_error)
            )
        record = self._root()
        for segment in rule.live:
            if segment not in self._live:
                condition = self._judge.rules.conditions[segment]
                self._live[segment] = holds(condition, record, self._clock)
        for part in rule.parts:
            if not holds(part.condition, record, self._clock):
                return Verdict(Result.NOT_MATCHED, f"not true: {part.text}", tuple(as_of))
        return Verdict(Result.MATCHED, "its condition is true", tuple(as_of))

    def _stored(self, rule: Rule) -> Verdict:
        state = self._judge.state(rule.segment_id)
        if state is None:
            return Verdict(Result.SKIPPED, "its segment was never counted")
        as_of = (
            CountedAt(rule.segment, ObjectType.CONTACT, state.last_counted_at, state.last_error),
        )
        if self._members is None:
            self._members = self._memberships()
        if rule.segment_id in self._members:
            return Verdict(Result.MATCHED, "the contact is a stored member", as_of)
        return Verdict(Result.NOT_MATCHED, "the contact is no stored member", as_of)

    def _memberships(self) -> set[int]:
        rules = self._judge.rules
        member = rules.tables.member(ObjectType.CONTACT)
        query = sa.select(member.c.segment_id).where(
            member.c.segment_id.in_([rule.segment_id for rule in rules.rules]),
            member.c.record_id == self._contact,
        )
        return set(self._judge.session.execute(query).scalars())

    def _root(self) -> "_LiveRecord":
        if self._record is None:
            rules = self._judge.rules
            stored = stored_record(
                self._judge.session,  # type: ignore[arg-type]
                rules.tables,
                ObjectType.CONTACT,
                self._contact,
                event_names=rules.event_names,
            )
            if stored is None:
                raise NotFound(f'there is no contact "#{self._contact}"')
            self._record = _LiveRecord(stored, self._live)
        return self._record


class _LiveRecord:
    """The contact, a member of segments as was just evaluated.

    The same contact, met again through a relation, is the stored record with its stored members.
    """

    def __init__(self, stored: StoredRecord, live: Mapping[int, bool]) -> None:
        self._stored = stored
        self._live = live
        self.type = stored.type
        self.id = stored.id

    def value(self, attribute: Attribute) -> Value:
        return self._stored.value(attribute)

    def items(self, attribute: Attribute) -> Sequence[str]:
        return self._stored.items(attribute)

    def one(self, relation: Relation) -> Record | None:
        return self._stored.one(relation)

    def many(self, relation: Relation) -> Iterable[Record]:
        return self._stored.many(relation)

    def is_member(self, segment: int) -> bool:
        return self._live[segment]


def _step(
    rule: Rule, verdict: Verdict, now: dt.datetime, to: Assigned | None = None
) -> dict[str, Any]:
    """A rule in a trace."""
    step: dict[str, Any] = {
        "position": rule.position,
        "rule": rule.id,
        "segment": rule.segment,
        "result": verdict.result.value,
        "reason": verdict.reason,
    }
    if to is not None:
        step |= {"member": to.member, "group": to.group}
    if verdict.as_of:
        step["stored_members"] = [_counted(each, now) for each in verdict.as_of]
    return step


def _counted(counted: CountedAt, now: dt.datetime) -> dict[str, Any]:
    found = {
        "type": counted.type.value,
        "segment": counted.segment,
        "counted_at": _instant(counted.at),
        "age": max(0, round((now - counted.at).total_seconds())),
    }
    return found if counted.error is None else {**found, "error": counted.error}


def _instant(moment: dt.datetime) -> str:
    return instant_text(moment.replace(microsecond=0)).replace(".000000", "")
