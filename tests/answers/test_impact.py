"""`segctl impact`, on both stores."""

from pathlib import Path

import pytest

from segctl.config_hooks import read_hooks
from segctl.errors import NotFound, UsageError
from segctl.services.impact import Kind, of_attribute, of_segment
from segctl.store.opening import Store
from tests.engine.workspace import companies, recalc, segment, sql

HOOKS = read_hooks(
    [
        {"name": "all", "webhook": "https://a.example/x"},
        {"name": "mine", "on_change": ["true"], "segments": ["readers of big"]},
    ],
    Path("segctl.toml"),
)


@pytest.fixture
def run(segctl, store: Store):
    def call(*words: object, **more):
        return segctl(*words, store=store, **more)

    return call


@pytest.fixture
def graph(run, store: Store) -> Store:
    """Big reads company.size; two levels of segments refer to it; the team uses some."""
    segment(store, "Big", 'size > 50 and (country = "PL" or not size > 900)')
    segment(store, "Readers of big", 'company in segment "Big"', type="contact")
    segment(store, "Far", 'in segment "Readers of big" and score > 1', type="contact")
    segment(store, "Other", "any deals (company.size > 5)", type="contact")
    segment(store, "Apart", "score > 2", type="contact")
    run("team", "members", "add", "ann@example.com").ok()
    run("pins", "set", "Far", "--as", "ann@example.com").ok()
    run("defaults", "set", "company", "Big").ok()
    run("assignments", "create", "Readers of big", "--to", "ann@example.com").ok()
    run("visibility", "hide", "Far", "--from", "ann@example.com").ok()
    return store


def short(impact):
    return [(use.kind.value, use.name, use.path) for use in impact.uses]


def test_an_attribute_is_read_directly_and_through_others(graph: Store):
    found = of_attribute(graph, "company.size", HOOKS[1:])
    assert short(found) == [
        ("segment", "Big", ()),
        ("default", "shared default of company", ("Big",)),
        ("segment", "Other", ()),
        ("segment", "Readers of big", ("Big",)),
        ("rule", "rule 1", ("Big", "Readers of big")),
        ("hook", "mine", ("Big", "Readers of big")),
        ("segment", "Far", ("Big", "Readers of big")),
        ("pin", "ann@example.com", ("Big", "Readers of big", "Far")),
        ("hidden", "ann@example.com", ("Big", "Readers of big", "Far")),
    ]
    assert found.uses[0].parts == ("size > 50", "not size > 900")
    assert found.uses[2].parts == ("any deals (company.size > 5)",)


def test_a_segment_is_referred_to_directly_and_through_others(graph: Store):
    found = of_segment(graph, "big", HOOKS)
    assert [use for use in short(found) if use[0] == "segment"] == [
        ("segment", "Readers of big", ()),
        ("segment", "Far", ("Readers of big",)),
    ]
    assert ("default", "shared default of company", ()) in short(found)
    assert ("hook", "all", ()) in short(found)
    assert found.uses[[use.kind for use in found.uses].index(Kind.SEGMENT)].parts == (
        'company in segment "Big"',
    )
    assert of_segment(graph, "Apart", ()).uses == ()


def test_a_relation_is_read_from_both_ends(graph: Store):
    names = [use[1] for use in short(of_attribute(graph, "deal.contact", ()))]
    assert names == ["Other"]
    assert "Other" in [use[1] for use in short(of_attribute(graph, "contacts.deals", ()))]


def test_events_are_read_by_their_attributes(run, store: Store):
    run("attributes", "add", "event", "amount", "--kind", "float").ok()
    segment(store, "Spenders", 'event "purchase" where amount > 5', type="contact")
    assert short(of_attribute(store, "event.amount", ())) == [("segment", "Spenders", ())]


def test_an_unreadable_condition_is_told(run, store: Store):
    run("attributes", "add", "company", "mood", "--kind", "string").ok()
    segment(store, "Moody", 'mood = "good" and size > 5')
    run("attributes", "drop", "company", "mood", "--force", "--yes").ok()
    [use] = of_attribute(store, "company.size", ()).uses
    assert (use.kind, use.name) == (Kind.UNREADABLE, "Moody")
    assert "mood" in use.note


def test_a_circle_that_a_foreign_program_made_ends(store: Store):
    companies(store, [1])
    first, second = segment(store, "A", "size > 1"), segment(store, "B", 'in segment "A"')
    sql(
        store,
        "INSERT INTO segment_reference (segment_id, referenced_id) VALUES (:a, :b)",
        a=first.id,
        b=second.id,
    )
    assert short(of_segment(store, "A", ())) == [("segment", "B", ())]
    assert short(of_attribute(store, "company.size", ())) == [
        ("segment", "A", ()),
        ("segment", "B", ("A",)),
    ]


def test_the_command_lists_it(run, graph: Store):
    seen = run("impact", "attribute", "company.size", env={"COLUMNS": "80"}).ok()
    assert max(map(len, seen.lines)) <= 80
    assert "2 segments refer to company.size, 2 more through others; 4 other things" in seen.stderr
    rows = run("impact", "segment", "Big", "-o", "json").ok().json
    assert list(rows[0]) == ["id", "kind", "name", "type", "direct", "through", "where", "note"]
    ids = run("impact", "segment", "Big", "-o", "ids").ok().lines
    assert len(ids) == 2
    nothing = run("impact", "segment", "Apart").ok()
    assert nothing.stdout == ""
    assert 'nothing refers to the segment "Apart"' in nothing.stderr


def test_one_is_one(run, store: Store):
    segment(store, "Big", "size > 50")
    assert "1 segment refers to company.size" in run("impact", "attribute", "company.size").stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("attribute", "company"), 2, "type.attribute"),
        (("attribute", "company."), 2, "type.attribute"),
        (("attribute", "company.contacts.name"), 2, "type.attribute"),
        (("attribute", "compani.size"), 2, 'did you mean "company"?'),
        (("attribute", "company.sise"), 5, 'did you mean "size"?'),
        (("segment", "Nobody"), 5, "there is no segment"),
    ],
)
def test_bad_words(run, store: Store, words, code, said):
    result = run("impact", *words)
    assert (result.code, result.stdout) == (code, "")
    assert said in result.stderr


def test_the_service_refuses_the_same(store: Store):
    with pytest.raises(UsageError):
        of_attribute(store, "size", ())
    with pytest.raises(NotFound):
        of_segment(store, "none", ())


def test_recalculating_changes_nothing_of_it(graph: Store):
    companies(graph, [60])
    before = short(of_attribute(graph, "company.size", ()))
    recalc(graph)
    assert short(of_attribute(graph, "company.size", ())) == before
