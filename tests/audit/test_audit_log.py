"""The audit log: who changed what, found again."""

import datetime as dt

import pytest

from segctl.catalog import Attribute, ObjectType, ValueType
from segctl.errors import NotFound, UsageError
from segctl.services import attributes, audit_log, events, records, segments, stores, workspace
from segctl.services.audit_log import AuditFilter
from segctl.store import audit
from segctl.store.opening import Store
from tests.conftest import NOW, rows
from tests.engine.workspace import ACTOR, add, companies, edit, recalc, segment, sql

DAY = dt.timedelta(days=1)


def listed(store: Store, **wanted) -> list[tuple[str, str]]:
    """(action, subject) of the entries, the newest first."""
    with audit_log.list_entries(store, AuditFilter(**wanted)) as entries:
        found = [(entry.action, entry.subject) for entry in entries]
    assert audit_log.count_entries(store, AuditFilter(**wanted)) == len(found)
    return found


def rename(store: Store, old: str, new: str, **more):
    segments.rename(store, old, new, now=NOW, actor=ACTOR, **more)


def delete(store: Store, name: str, **more):
    segments.delete(store, name, now=NOW, actor=ACTOR, **more)


# ---------------------------------------------------------------- every change is one entry


def test_every_service_that_changes_something_writes_one_entry(store: Store):
    seen = []

    def done(entry):
        seen.insert(0, entry)
        with audit_log.list_entries(store, AuditFilter()) as entries:
            assert [(e.subject_type, e.action, e.subject) for e in entries] == seen

    by = {"now": NOW, "actor": ACTOR}
    attributes.add(store, Attribute(ObjectType.CONTACT, "shoe", ValueType.INTEGER), **by)
    done(("attribute", "add", "contact.shoe"))
    ann = records.parse_assignment
    records.set_values(store, ObjectType.CONTACT, "ann", [ann("city=Rome")], create=True, **by)
    done(("contact", "create", "ann"))
    records.set_values(store, ObjectType.CONTACT, "ann", [ann("city=Bonn")], **by)
    done(("contact", "set", "ann"))
    id = events.add(store, "ann", "login", **by)
    done(("event", "create", f"#{id}"))
    segment(store, "Romans", 'city = "Rome"', type="contact")
    done(("segment", "create", "contact/Romans"))
    edit(store, "Romans", description="In Rome")
    done(("segment", "edit", "contact/Romans"))
    rename(store, "Romans", "Italians")
    done(("segment", "rename", "contact/Italians"))
    delete(store, "Italians")
    done(("segment", "delete", "contact/Italians"))
    workspace.set_value(store, "heavy_seconds", "5", **by)
    done(("workspace", "set", "heavy_seconds"))
    records.delete_where(store, ObjectType.CONTACT, 'city = "Bonn"', **by)
    done(("contact", "delete", 'city = "Bonn"'))
    attributes.drop(store, ObjectType.CONTACT, "shoe", **by)
    done(("attribute", "drop", "contact.shoe"))


def test_pruning_is_one_entry_and_pruning_nothing_is_none(store: Store):
    companies(store, [60])
    segment(store, "Big", "size > 50")
    for day in range(3):
        recalc(store, "Big", now=NOW + day * DAY)
    stores.prune(store, now=NOW, actor=ACTOR)
    assert listed(store, action="prune") == []
    sql(store, "UPDATE workspace SET run_keep_days = 1")
    stores.prune(store, now=NOW + 9 * DAY, actor=ACTOR)
    [entry] = listed(store, action="prune")
    assert entry[1] == str(store)


def test_a_refused_change_leaves_no_entry(store: Store):
    before = listed(store)
    with pytest.raises(NotFound):
        records.set_values(
            store,
            ObjectType.CONTACT,
            "nobody",
            [records.parse_assignment("city=Rome")],
            now=NOW,
            actor=ACTOR,
        )
    assert listed(store) == before


def test_what_changes_nothing_is_no_entry(store: Store):
    segment(store, "Big", "size > 50")
    before = listed(store)
    edit(store, "Big", where="size > 50")
    rename(store, "Big", "Big")
    assert listed(store) == before


# ---------------------------------------------------------------- a segment, whatever its name


def test_a_segment_is_found_under_every_name_it_had(store: Store):
    segment(store, "A", "size > 50")
    segment(store, "Other", "size > 50")
    rename(store, "A", "B")
    edit(store, "B", description="b")
    rename(store, "B", "C")
    expected = [
        ("rename", "company/C"),
        ("edit", "company/B"),
        ("rename", "company/B"),
        ("create", "company/A"),
    ]
    assert listed(store, segment="C") == expected
    assert listed(store, segment="c") == expected
    assert listed(store, segment="company/C") == expected
    assert listed(store, segment="A") == expected


def test_pins_defaults_and_rules_of_a_segment_are_about_it(store: Store):
    segment(store, "Łódź", "everything", type="contact")
    segment(store, "Other", "everything", type="contact")
    segment(store, "Łódź", "everything", type="deal")
    for kind, subject, before, after in (
        ("default", "contact", None, "Łódź"),
        ("pin", "anna@example.com/contact", "Łódź", "Other"),
        ("assignment", "Łódź", None, {"assignee": "anna@example.com"}),
        ("default", "deal", None, "Łódź"),
        ("default", "contact", None, "Other"),
    ):
        with store.write() as session:
            audit.record(
                session,
                now=NOW,
                actor=ACTOR,
                action="set",
                subject_type=kind,
                subject=subject,
                before=before,
                after=after,
            )
    assert listed(store, segment="contact/Łódź") == [
        ("set", "Łódź"),
        ("set", "anna@example.com/contact"),
        ("set", "contact"),
        ("create", "contact/Łódź"),
    ]
    assert listed(store, segment="deal/Łódź") == [("set", "deal"), ("create", "deal/Łódź")]


def test_a_name_that_another_segment_has_now_is_that_segment(store: Store):
    segment(store, "A", "size > 50")
    rename(store, "A", "B")
    segment(store, "A", "size > 60")
    assert listed(store, segment="A") == [("create", "company/A")]
    assert listed(store, segment="B") == [("rename", "company/B"), ("create", "company/A")]


def test_a_deleted_segment_is_found_by_its_name(store: Store):
    segment(store, "A", "size > 50")
    rename(store, "A", "B")
    delete(store, "B")
    segment(store, "B", "size > 50", type="company")
    delete(store, "B")
    assert len(listed(store, segment="B")) == 5
    assert len(listed(store, segment="A")) == 3


def test_a_change_of_case_alone_keeps_the_trail(store: Store):
    segment(store, "big", "size > 50")
    rename(store, "big", "BIG")
    assert len(listed(store, segment="Big")) == 2


def test_a_segment_that_the_log_does_not_know_has_the_entries_of_its_name(store: Store):
    segment(store, "Big", "size > 50")
    sql(store, "DELETE FROM audit_entry")
    assert listed(store, segment="Big") == []
    edit(store, "Big", description="x")
    rename(store, "Big", "Large")
    assert listed(store, segment="Large") == [("rename", "company/Large"), ("edit", "company/Big")]
    delete(store, "Large")
    assert len(listed(store, segment="Big")) == 3


def test_a_deletion_whose_creation_was_lost_is_found(store: Store):
    segment(store, "Big", "size > 50")
    sql(store, "DELETE FROM audit_entry")
    delete(store, "Big")
    assert listed(store, segment="Big") == [("delete", "company/Big")]


def test_a_name_of_two_types_is_told_apart_by_its_type(store: Store):
    segment(store, "Big", "size > 50")
    segment(store, "Big", "value > 50", type="deal")
    with pytest.raises(UsageError) as raised:
        listed(store, segment="Big")
    assert raised.value.hint == 'write the type before the name: "contact/Big"'
    assert listed(store, segment="deal/Big") == [("create", "deal/Big")]
    delete(store, "Big", type=ObjectType.DEAL)
    assert len(listed(store, segment="deal/Big")) == 2


def test_an_unknown_segment_is_not_found(store: Store):
    segment(store, "Big deals", "size > 50")
    with pytest.raises(NotFound) as raised:
        listed(store, segment="Big deal")
    assert raised.value.hint == 'did you mean "Big deals"?'
    with pytest.raises(NotFound):
        listed(store, segment="deal/Big deals")


# ---------------------------------------------------------------- the command


@pytest.fixture
def run(segctl, store: Store):
    return lambda *words, **more: segctl(*words, store=store, **more)


def test_the_list_is_filtered_by_every_option(run, store: Store):
    run("segments", "create", "Big", "--type", "company", "--where", "size > 50").ok()
    run("--actor", "eve", "workspace", "set", "heavy_seconds", "5").ok()
    call = ("audit", "list", "-o", "json")
    newest, oldest = run(*call, "--limit", "2").ok().json
    assert (newest["actor"], newest["action"], newest["subject"]) == ("eve", "set", "heavy_seconds")
    assert (newest["before"], newest["after"]) == (30.0, 5)
    assert (oldest["subject_type"], oldest["subject"]) == ("segment", "company/Big")
    assert list(newest) == [
        *("id", "at", "actor", "action", "subject_type", "subject", "before", "after")
    ]
    for filter in (
        ("--actor", "eve"),
        ("--action", "set"),
        ("--type", "workspace"),
        ("--type", "workspaces"),
    ):
        assert [row["id"] for row in run(*call, *filter).ok().json] == [newest["id"]]
    assert run("audit", "list", "--segment", "Big", "-o", "count").ok().stdout == "1\n"
    assert run("audit", "list", "--since", "1h", "-o", "count").ok().stdout == "2\n"
    assert run("audit", "list", "--until", "1h", "-o", "count").ok().stdout == "0\n"
    assert run("audit", "list", "--since", "2999-01-01", "-o", "ids").ok().stdout == ""


def test_who_acts_can_come_from_the_environment(run, store: Store):
    words = ("workspace", "set", "heavy_seconds", "5")
    run(*words, env={"SEGCTL_ACTOR": "frank"}).ok()
    assert rows(run("audit", "list", "-o", "ndjson").ok().stdout)[0]["actor"] == "frank"


@pytest.mark.parametrize("time", ["soon", "2026-13-01", "99999999999999d"])
def test_a_time_that_is_none_is_refused(run, time: str):
    result = run("audit", "list", "--since", time)
    assert result.code == 2
    assert f'--since: "{time}" is not a time' in result.stderr


def test_one_entry_is_shown_with_what_was_before_and_after(run, store: Store):
    run("workspace", "set", "heavy_seconds", "5").ok()
    [id] = run("audit", "list", "--limit", "1", "-o", "ids").ok().lines
    shown = run("audit", "show", id, "-o", "json").ok().json
    assert (shown["before"], shown["after"]) == (30.0, 5)
    assert "heavy_seconds" in run("audit", "show", f"#{id}").ok().stdout
    assert run("audit", "show", "99").code == 5
    assert run("audit", "show", "x").code == 2


def test_every_format_writes_the_list(run, store: Store):
    add(store, "company", [{"name": "x"}])
    run("workspace", "set", "heavy_seconds", "5").ok()
    table = run("audit", "list").ok()
    assert "heavy_seconds" in table.stdout
    header = run("audit", "list", "-o", "csv").ok().lines[0]
    assert header == "id,at,actor,action,subject_type,subject"
