"""Rules that can never decide are found, and no others."""

import pytest

from segctl.catalog import ObjectType
from segctl.conditions.parser import parse
from segctl.services import attributes
from segctl.services.assignment_lint import lint
from segctl.services.implication import Implication
from segctl.store.opening import Store
from tests.chat.chats import (
    WHO,
    address,
    contact,
    contact_segment,
    deactivate,
    group,
    rule,
    setting,
    simple,
    team,
)
from tests.chat.test_decision import VIP
from tests.conditions.names import CATALOG, NAMES
from tests.engine.workspace import recalc, segment, sql


@pytest.fixture
def staffed(store: Store) -> Store:
    team(store, "anna", "ben")
    group(store, "Sales", "ben")
    return store


def found(store: Store) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(each.segment, each.code.value, each.by) for each in lint(store).findings]


def test_good_rules_have_no_findings(staffed: Store):
    simple(staffed, "Rich", "score > 50", address("anna"))
    simple(staffed, "Known", "score > 10", "Sales")
    assert found(staffed) == []
    for score in (20, 60):
        contact(staffed, f"c{score}", score=score)
    recalc(staffed)
    assert found(staffed) == []
    assert lint(staffed).rules == 2


def test_an_identical_condition_after_another_is_shadowed(staffed: Store):
    simple(staffed, "One", "score > 10 and name is set", address("anna"))
    simple(staffed, "Two", "(score > 10) AND name is set", "Sales")
    assert found(staffed) == [("Two", "shadowed", ("One",))]


def test_a_narrower_condition_after_a_wider_one_is_shadowed(staffed: Store):
    simple(staffed, "Wide", 'country in ("PL", "DE")', address("anna"))
    simple(staffed, "Narrow", 'in segment "Wide" and score > 5', "Sales")
    simple(staffed, "Other", "score > 5", "Sales")
    assert found(staffed) == [("Narrow", "shadowed", ("Wide",))]


def test_members_that_are_all_in_earlier_segments_are_shadowed(staffed: Store):
    simple(staffed, "Low", "score < 10", address("anna"))
    simple(staffed, "High", "score > 20", address("anna"))
    simple(staffed, "Odd", "page_views = 1", "Sales")
    simple(staffed, "Low too", "page_views = 2", "Sales")
    contact(staffed, "a", score=1, page_views=1)
    contact(staffed, "b", score=99, page_views=1)
    contact(staffed, "c", score=2, page_views=2)
    assert found(staffed) == []  # nothing was counted
    recalc(staffed)
    assert found(staffed) == [
        ("Odd", "shadowed", ("Low", "High")),
        ("Low too", "shadowed", ("Low",)),
    ]
    messages = [each.message for each in lint(staffed).findings]
    assert messages[0].startswith("its 2 members are all in the segments of earlier rules")
    assert messages[1].startswith('its 1 member is in "Low" too')


def test_an_earlier_rule_that_cannot_decide_shadows_nothing(staffed: Store):
    team(staffed, "cy")
    simple(staffed, "One", "score > 10", address("cy"))
    simple(staffed, "Two", "score > 10 and name is set", "Sales")
    assert found(staffed) == [("Two", "shadowed", ("One",))]
    deactivate(staffed, "cy")
    assert found(staffed) == [("One", "assignee", ())]


def test_empty_and_inactive_groups(staffed: Store):
    group(staffed, "Empty")
    simple(staffed, "To empty", "score > 1", "Empty")
    simple(staffed, "To sales", "score > 2", "Sales")
    deactivate(staffed, "ben")
    assert [code for _, code, _ in found(staffed)] == ["assignee", "assignee", "shadowed"][:2]
    messages = [each.message for each in lint(staffed).findings]
    assert "has no members" in messages[0]
    assert "has no active member" in messages[1]


def test_disabled_and_empty_segments_are_no_problems(staffed: Store):
    simple(staffed, "Off", "score > 1", "Sales", enabled=False)
    simple(staffed, "None", "score > 1000", "Sales")
    contact(staffed, "c", score=1)
    recalc(staffed)
    assert found(staffed) == [("Off", "disabled", ()), ("None", "no members", ())]
    assert lint(staffed).problems == 0


def test_conditions_that_can_no_longer_be_read(staffed: Store):
    attributes.add_all(staffed, [VIP], **WHO)
    simple(staffed, "Vip", "vip", "Sales")
    simple(staffed, "Reads vip", 'in segment "Vip"', address("anna"))
    attributes.drop(staffed, VIP.type, VIP.name, force=True, **WHO)
    assert found(staffed) == [("Vip", "condition", ()), ("Reads vip", "condition", ())]
    setting(staffed, "assignment_source", "stored")
    assert ("Vip", "condition", ()) in found(staffed)


def test_live_needs_references_through_relations_to_be_counted(staffed: Store):
    segment(staffed, "Large", "size > 100")
    simple(staffed, "At large", 'company in segment "Large"', "Sales")
    assert found(staffed) == [("At large", "never counted", ())]
    recalc(staffed)
    sql(staffed, "UPDATE segment_state SET last_error = 'disk full'")
    assert found(staffed)[0] == ("At large", "failing", ())


def test_stored_needs_the_rules_own_segments_to_be_counted(staffed: Store):
    contact_segment(staffed, "Rich", "score > 50")
    rule(staffed, "Rich", "Sales")
    setting(staffed, "assignment_source", "stored")
    assert found(staffed) == [("Rich", "never counted", ())]
    contact(staffed, "c", score=60)
    recalc(staffed)
    assert found(staffed) == []
    sql(staffed, "UPDATE segment_state SET last_error = 'disk full'")
    assert found(staffed) == [("Rich", "failing", ())]
    assert "disk full" in lint(staffed).findings[0].message


# ---------------------------------------------------------------- implication

MEANINGS = {2: 'country = "PL"'}  # of the contact segment "VIP"


@pytest.mark.parametrize(
    ("first", "second", "implied"),
    [
        ("score > 1", "score > 1", True),
        ("score > 1", "everything", True),
        ("everything", "score > 1", False),
        ("score > 2", "score > 1", False),  # true, but not seen by form
        ("score > 1 and name is set", "score > 1", True),
        ("score > 1", "score > 1 and name is set", False),
        ("score > 1 and name is set and vip", "vip and score > 1", True),
        ("score > 1", "score > 1 or vip", True),
        ("score > 1 or vip", "score > 1", False),
        ("score > 1 or vip", "vip or name is set or score > 1", True),
        ("not (score > 1 or vip)", "not vip", True),
        ("not vip", "not (score > 1 or vip)", False),
        ('in segment "VIP" and vip', 'country = "PL"', True),
        ('country = "PL"', 'in segment "VIP"', True),
        ('not in segment "VIP"', 'not country = "PL"', True),
        ('in segment "Newsletter readers"', 'in segment "VIP"', False),
        ('in segment "VIP"', 'company in segment "Big"', False),
    ],
)
def test_what_implies_what(first: str, second: str, implied: bool):
    def read(text: str):
        return parse(text, ObjectType.CONTACT, CATALOG, NAMES)

    meanings = {id: read(text) for id, text in MEANINGS.items()}
    assert Implication(meanings).implies(read(first), read(second)) is implied
