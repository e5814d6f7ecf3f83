"""Live decisions are what the conditions say, by the compiled SQL over everybody."""

from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count

from hypothesis import event, given, settings
from hypothesis import strategies as st
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import RELATIONS, SEGMENT_TYPES, ObjectType
from segctl.conditions.nodes import And, Condition, InSegment, Not, Or
from segctl.conditions.printer import to_text
from segctl.conditions.sql import Scope, matching
from segctl.conditions.time import Clock
from segctl.services import attributes
from segctl.services.decision import Judge, Result, Trial
from segctl.services.decision_rules import load_rules
from segctl.store.functions import fold
from segctl.store.opening import Store
from segctl.store.records import record_tables
from segctl.store.tables import Segment, SegmentState, Workspace
from segctl.store.tables_team import AssignmentRule, TeamMember
from segctl.store.workspace import load_catalog
from tests.conditions.loading import load
from tests.conditions.strategies import (
    CATALOG,
    SEGMENTS,
    clocks,
    conditions,
    mentioned,
    workspaces,
)
from tests.conditions.strategies import (
    Workspace as Graph,
)
from tests.conftest import NOW

CONTACT = ObjectType.CONTACT
RULES = 5
FIRST = 1_000
"""The id of the first rule's segment; those of the pool are smaller."""


class Undo(Exception):
    """Ends a transaction of which nothing is to stay."""


@dataclass(frozen=True)
class Case:
    """Conditions of the rules, and of the contact segments that they may refer to."""

    rules: tuple[Condition, ...]
    pool: dict[int, Condition]
    graph: Graph
    clock: Clock


@st.composite
def cases(draw: st.DrawFn) -> Case:
    others = {type: names for type, names in SEGMENTS.items() if type is not CONTACT}
    pool: dict[int, Condition] = {}
    known: tuple[tuple[int, str], ...] = ()
    for id, name in SEGMENTS[CONTACT]:  # each may read those before it
        pool[id] = draw(conditions(CONTACT, segments={**others, CONTACT: known}, depth=2))
        known = (*known, (id, name))
    asked = tuple(draw(conditions(CONTACT)) for _ in range(RULES))
    clock = draw(clocks())
    together = And((*asked, *pool.values()))
    graph = draw(workspaces(CATALOG, clock, mentioned(together), together, subject=CONTACT))
    return Case(asked, pool, graph, clock)


def expanded(condition: Condition, pool: dict[int, Condition]) -> Condition:
    """With the conditions of contact segments in the place of references to them."""
    match condition:
        case And(items) | Or(items):
            return type(condition)(tuple(expanded(item, pool) for item in items))
        case Not(item):
            return Not(expanded(item, pool))
        case InSegment(hops=(), segment=segment):
            return expanded(pool[segment], pool)
        case _:
            return condition


@pytest.fixture
def prepared(store: Store) -> Store:
    """A store with the attributes of CATALOG, the segments of the pool, and rules."""
    attributes.add_all(store, CATALOG.custom, now=NOW, actor="tester")
    numbers = count(1)
    with store.write() as session:
        session.add(TeamMember(email="anna@example.com", created_at=NOW))
        session.flush()
        made = [(id, type, name) for type in SEGMENT_TYPES for id, name in SEGMENTS[type]]
        made += [(FIRST + n, CONTACT, f"Rule {n}") for n in range(RULES)]
        for id, kind, name in made:
            session.add(
                Segment(
                    id=id,
                    object_type=kind.value,
                    name=name,
                    folded_name=fold(name),
                    condition="everything",
                    definition_hash="",
                    modified_at=NOW,
                    created_at=NOW,
                )
            )
            session.flush()
            session.add(SegmentState(segment_id=id, count=0, last_counted_at=NOW))
            if id >= FIRST:
                session.add(
                    AssignmentRule(
                        position=next(numbers),
                        segment_id=id,
                        member_id=1,
                        created_at=NOW,
                        modified_at=NOW,
                    )
                )
    return store


def test_the_live_decision_is_what_the_sql_of_every_condition_says(prepared: Store):
    @settings(max_examples=max(15, settings.default.max_examples // 2))
    @given(cases())
    def check(case: Case) -> None:
        with suppress(Undo), prepared.write() as session:
            event(f"{min(compare(session, prepared.dialect, case), 3)} contacts are assigned")
            raise Undo

    check()


def compare(session: Session, dialect: str, case: Case) -> int:
    """Both readings of every rule for every contact; how many contacts are assigned."""
    segment = Segment.__table__
    texts = {**case.pool, **{FIRST + n: rule for n, rule in enumerate(case.rules)}}
    for id, condition in texts.items():
        changed = sa.update(segment).where(segment.c.id == id)
        session.execute(changed.values(condition=to_text(condition)))
    session.execute(sa.update(Workspace.__table__).values(timezone=case.clock.zone.key))
    tables = record_tables(load_catalog(session))
    load(session, tables, case.graph)
    rules = load_rules(session)
    assert [rule.problem for rule in rules.rules] == [None] * RULES
    scope = Scope(tables, dialect, case.clock)
    expected = [
        set(session.scalars(matching(expanded(rule, case.pool), CONTACT, scope)))
        for rule in case.rules
    ]
    judge = Judge(session, rules)
    assigned = 0
    for row in case.graph.records(CONTACT):
        trial = Trial(judge, row.id, case.clock.now)
        found = [trial.test(rule).result is Result.MATCHED for rule in rules.rules]
        assert found == [row.id in ids for ids in expected], list(map(to_text, case.rules))
        decision = judge.decide(row.id, case.clock.now, take=True)
        first = found.index(True) if True in found else None
        assert first == (decision.rule and decision.rule.segment_id - FIRST)
        assigned += first is not None
    return assigned


def test_expanding_leaves_what_a_relation_leads_to():
    reference = InSegment((), CONTACT, "VIP", 2)
    hops = (RELATIONS[CONTACT]["company"],)
    company = replace(reference, type=ObjectType.COMPANY, segment=9, hops=hops)
    pool: dict[int, Condition] = {2: Not(company)}
    assert expanded(Or((reference, company)), pool) == Or((Not(company), company))
