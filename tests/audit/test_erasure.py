"""Forgetting a record: what is gone, what stays, and that nothing names it any more."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from segctl.catalog import Attribute, ObjectType, ValueType
from segctl.engine import lease
from segctl.engine.owner import this_process
from segctl.errors import Busy, NotFound, PartlyFailed
from segctl.services import attributes, erasure, events, records, segments, stores
from segctl.services.audit_log import AuditFilter, list_entries, plain
from segctl.store import wiping
from segctl.store.opening import Store, open_store
from tests.conftest import NOW
from tests.engine.workspace import ACTOR, recalc, segment, sql, stored

BY = {"now": NOW, "actor": ACTOR}
CONTACT = ObjectType.CONTACT
SECRET = "anna.nowak@example.com"


def put(store: Store, type: str, name: str, *words: str):
    parsed = [records.parse_assignment(word) for word in words]
    return records.set_values(store, ObjectType(type), name, parsed, create=True, **BY)


def erase(store: Store, type: ObjectType = CONTACT, ref: str = "anna-9", **more):
    return erasure.erase(store, type, ref, **BY, **more)


def log(store: Store) -> list[dict]:
    """All entries, the oldest first."""
    with list_entries(store, AuditFilter()) as entries:
        return [plain(entry) for entry in entries][::-1]


def everything(store: Store) -> str:
    """All rows of all tables, as text."""
    names = sa.inspect(store.engine).get_table_names()
    return json.dumps(
        {name: [tuple(row) for row in sql(store, f'SELECT * FROM "{name}"')] for name in names},
        default=str,
        ensure_ascii=False,
    )


@pytest.fixture
def anna(store: Store) -> int:
    """A contact with everything that a contact may have; her id."""
    attributes.add(store, Attribute(CONTACT, "passport", ValueType.STRING), **BY)
    words = (f"email={SECRET}", "name=Anna Nowak", "city=Gdańsk", "tags=vip,ringmaster")
    id = put(store, "contact", "anna-9", *words, "passport=PL-778899").id
    put(store, "contact", "bob", "name=Bob", "city=Gdańsk", "tags=vip")
    put(store, "deal", "big", "contact=anna-9", "name=Big")
    put(store, "ticket", "t1", "contact=anna-9")
    events.add(store, "anna-9", "login", **BY)
    events.add(store, "bob", "login", **BY)
    segment(store, "Gdańsk", 'city = "Gdańsk"', type="contact")
    segment(store, "VIP", 'tags has "vip"', type="contact")
    recalc(store)
    sql(
        store,
        "INSERT INTO conversation (contact_id, channel, external_id, opened_at, source, trace) "
        "VALUES (:id, 'chat', 'chat-1', :at, 'live', '[]')",
        id=id,
        at=NOW if store.dialect == "postgresql" else "2026-03-15T12:00:00.000000Z",
    )
    return id


def test_nothing_of_the_record_is_left_in_any_table(store: Store, anna: int):
    assert SECRET in everything(store)
    erase(store)
    left = everything(store)
    for text in (SECRET, "anna-9", "Anna", "Nowak", "PL-778899", "ringmaster"):
        assert text not in left
    assert "Bob" in left


def test_it_says_what_it_took_away(store: Store, anna: int):
    done = erase(store)
    assert (done.type, done.id) == (CONTACT, anna)
    gone = done.forgotten
    assert (gone.records, gone.items, gone.relations) == (1, 2, 2)
    assert (gone.memberships, gone.events, gone.conversations) == (2, 1, 1)
    assert done.segments == ("Gdańsk", "VIP")
    assert done.mentioned_by == ()


def test_relations_to_it_are_empty_and_the_related_records_stay(store: Store, anna: int):
    erase(store)
    assert sql(store, "SELECT external_id, contact_id FROM deal") == [("big", None)]
    assert sql(store, "SELECT external_id, contact_id FROM ticket") == [("t1", None)]
    assert len(sql(store, "SELECT * FROM event")) == 1


def test_counts_stay_those_of_the_members(store: Store, anna: int):
    erase(store)
    assert segments.find(store, "VIP").count == len(stored(store, "VIP")) == 1
    assert [check for check in stores.check(store.url) if not check.ok] == []
    outcome = recalc(store, "VIP")["VIP"]
    assert (outcome.count_before, outcome.entered, outcome.left) == (1, 0, 0)


def test_it_is_taken_out_of_the_history_of_members(store: Store, anna: int):
    sql(store, "UPDATE contact SET city = 'Sopot' WHERE id = :id", id=anna)
    recalc(store)
    assert len(sql(store, "SELECT * FROM member_change")) == 1
    assert erase(store).forgotten.changes == 1
    assert sql(store, "SELECT * FROM member_change") == []


def test_one_entry_says_that_it_was_done_and_by_whom(store: Store, anna: int):
    before = len(log(store))
    erase(store)
    entries = log(store)
    assert len(entries) == before + 1
    last = entries[-1]
    assert (last["actor"], last["action"]) == (ACTOR, "erase")
    assert (last["subject_type"], last["subject"]) == ("contact", f"#{anna}")
    assert last["after"]["events"] == 1
    assert all(isinstance(number, int) for number in last["after"].values())


def test_entries_about_it_lose_their_values_and_keep_who_did_what(store: Store, anna: int):
    put(store, "contact", "anna-9", "city=Sopot")
    erase(store)
    own = [e for e in log(store) if (e["subject_type"], e["subject"]) == ("contact", f"#{anna}")]
    assert [entry["action"] for entry in own] == ["create", "set", "erase"]
    assert (own[0]["before"], own[0]["after"]) == (None, {"erased": True})
    assert (own[1]["before"], own[1]["after"]) == ({"erased": True}, {"erased": True})
    event = next(entry for entry in log(store) if entry["subject_type"] == "event")
    assert event["after"] == {"erased": True}


def test_entries_about_others_lose_values_only_where_they_name_it(store: Store, anna: int):
    segment(store, "Her", f'email = "{SECRET.upper()}"', type="contact")
    segment(store, "Note", "everything", type="contact", description="as ANNA NOWAK said")
    segments.delete(store, "Her", **BY)
    segments.delete(store, "Note", **BY)
    erase(store)
    entries = {(e["action"], e["subject"]): e["after"] or e["before"] for e in log(store)}
    assert entries["create", "contact/Her"] == {"erased": True}
    assert entries["delete", "contact/Note"] == {"erased": True}
    assert entries["create", "big"] == {"erased": True}  # its relation names her
    assert entries["create", "contact/Gdańsk"]["condition"] == 'city = "Gdańsk"'
    assert entries["create", "bob"]["name"] == "Bob"


def test_a_value_that_others_share_names_nobody(store: Store, anna: int):
    put(store, "contact", "anna-2", "name=Anna Nowak")
    segment(store, "Note", "everything", type="contact", description="as Anna Nowak said")
    done = erase(store)
    assert done.mentioned_by == ()
    assert [e["after"]["description"] for e in log(store) if e["subject"] == "contact/Note"] == [
        "as Anna Nowak said"
    ]


def test_a_part_of_a_longer_word_is_no_mention(store: Store):
    put(store, "contact", "anna", "name=Anna")
    segment(store, "S", 'city = "Savannah" or city = "Annapolis"', type="contact")
    assert erase(store, ref="anna").mentioned_by == ()


def test_short_external_ids_are_found_under_relations_only(store: Store):
    put(store, "contact", "7", "name=Seven of Nine")
    put(store, "company", "7", "name=Other")
    put(store, "deal", "d1", "contact=7")
    put(store, "deal", "d2", "company=7", "value=7")
    erase(store, ref="7")
    entries = {(e["subject_type"], e["subject"]): e["after"] for e in log(store)}
    assert entries["deal", "d1"] == {"erased": True}
    assert entries["deal", "d2"]["company"] == "7"
    assert entries["company", "7"]["name"] == "Other"


def test_conditions_that_name_it_are_told(store: Store, anna: int):
    segment(store, "Her", f'email = "{SECRET}"', type="contact")
    segment(store, "Passport", 'passport = "PL-778899"', type="contact")
    assert erase(store).mentioned_by == ("Her", "Passport")


def test_subjects_that_name_it_are_emptied(store: Store, anna: int):
    records.delete_where(store, ObjectType.TASK, f'contact.email = "{SECRET}"', **BY)
    erase(store)
    assert [e["subject"] for e in log(store) if e["subject_type"] == "task"] == ["(erased)"]


def test_its_earlier_names_and_values_are_followed(store: Store):
    id = put(store, "contact", "first-name", "email=old@example.com").id
    put(store, "contact", "first-name", "external_id=second-name")
    put(store, "contact", "second-name", "email=new@example.com", "external_id=third-name")
    segment(store, "Old", 'email = "old@example.com"', type="contact")
    assert erase(store, ref="third-name").mentioned_by == ("Old",)
    assert {e["subject"] for e in log(store) if e["subject_type"] == "contact"} == {f"#{id}"}
    left = json.dumps(log(store), default=str)
    assert "-name" not in left
    assert "old@example.com" not in left


def test_a_record_that_was_deleted_before_can_be_erased(store: Store, anna: int):
    records.delete(store, CONTACT, ["anna-9"], **BY)
    assert SECRET in everything(store)
    assert erasure.find(store, CONTACT, "anna-9") == f"#{anna}"
    done = erase(store)
    assert (done.id, done.forgotten.records, done.forgotten.memberships) == (anna, 0, 2)
    left = everything(store)
    for text in (SECRET, "anna-9", "PL-778899"):
        assert text not in left
    assert [check for check in stores.check(store.url) if not check.ok] == []


def test_a_record_can_be_erased_by_number(store: Store, anna: int):
    assert erasure.find(store, CONTACT, f"#{anna}") == "anna-9"
    records.delete(store, CONTACT, ["anna-9"], **BY)
    assert erase(store, ref=f"#{anna}").id == anna


def test_who_was_erased_is_not_there_to_be_erased(store: Store, anna: int):
    erase(store)
    with pytest.raises(NotFound, match="was erased already"):
        erase(store, ref=f"#{anna}")
    with pytest.raises(NotFound, match='there is no contact "anna-9"'):
        erase(store)


def test_an_unknown_record_changes_nothing(store: Store, anna: int):
    before = everything(store)
    with pytest.raises(NotFound):
        erase(store, ref="nobody")
    assert everything(store) == before


def test_any_other_type_is_erased_the_same(store: Store):
    put(store, "product", "p-secret", "name=Secret Lamp", "tags=a")
    put(store, "deal", "d", "products=p-secret")
    put(store, "ticket", "t", "product=p-secret")
    put(store, "contact", "c")
    events.add(store, "c", "look", [records.parse_assignment("product=p-secret")], **BY)
    done = erase(store, ObjectType.PRODUCT, "p-secret").forgotten
    assert (done.relations, done.events, done.conversations) == (3, 0, 0)
    assert len(sql(store, "SELECT * FROM event WHERE product_id IS NULL")) == 1
    assert "ecret" not in everything(store)


def test_it_waits_for_no_recalculation_and_lets_none_undo_it(store: Store, anna: int):
    token = lease.new_token()
    with store.write() as session:
        ids = session.execute(sa.text("SELECT id FROM segment WHERE name = 'VIP'")).scalars().all()
        assert lease.acquire(session, ids, token=token, owner=this_process())
    with pytest.raises(Busy) as raised:
        erase(store)
    assert '"VIP" is being recalculated' in raised.value.message
    assert SECRET in everything(store)
    assert sql(store, "SELECT count(*) FROM lease")[0][0] == 1
    with store.write() as session:
        lease.give_up(session, token)
    erase(store)
    assert sql(store, "SELECT count(*) FROM lease")[0][0] == 0


# ---------------------------------------------------------------- what is left in files


def files(store: Store) -> bytes:
    path = store.address.path
    return b"".join(
        Path(f"{path}{end}").read_bytes() for end in ("", "-wal") if Path(f"{path}{end}").exists()
    )


def test_on_sqlite_the_deleted_values_are_overwritten(sqlite_store: Store):
    put(sqlite_store, "contact", "anna-9", f"email={SECRET}", "name=Anna Nowak")
    assert SECRET.encode() in files(sqlite_store)
    assert erase(sqlite_store).log_emptied
    assert SECRET.encode() not in files(sqlite_store)


def test_vacuum_takes_what_earlier_changes_left_behind(sqlite_store: Store):
    for n in range(300):
        put(sqlite_store, "contact", f"c{n}", f"email=old{n}@example.com")
    sql(sqlite_store, "DELETE FROM contact")
    sql(sqlite_store, "DELETE FROM audit_entry")
    put(sqlite_store, "contact", "anna-9", f"email={SECRET}")
    assert b"old7@example.com" in files(sqlite_store)
    erase(sqlite_store, vacuum=True)
    for text in (b"old7@example.com", SECRET.encode()):
        assert text not in files(sqlite_store)


def test_a_reader_keeps_the_log_and_is_told_of(sqlite_store: Store):
    put(sqlite_store, "contact", "anna-9", f"email={SECRET}")
    with sqlite_store.read() as session:
        session.execute(sa.text("SELECT count(*) FROM contact"))
        with open_store(sqlite_store.url, busy_timeout=0.1) as other:
            assert not erase(other).log_emptied


def test_vacuum_works_on_both_stores(store: Store, anna: int):
    assert erase(store, vacuum=True).forgotten.records == 1
    assert [check for check in stores.check(store.url) if not check.ok] == []


def test_a_store_that_cannot_be_rewritten_is_told_and_the_erasure_stays(
    store: Store, anna: int, monkeypatch: pytest.MonkeyPatch
):
    def busy(store, tables):
        raise Busy("somebody is using it")

    monkeypatch.setattr(wiping, "rewrite", busy)
    with pytest.raises(PartlyFailed, match="was erased, but the store could not be rewritten"):
        erase(store, vacuum=True)
    assert SECRET not in everything(store)


def test_rewriting_a_store_in_use_is_busy(sqlite_store: Store):
    with (
        sqlite_store.write(),
        open_store(sqlite_store.url, busy_timeout=0.1) as other,
        pytest.raises(Busy),
    ):
        wiping.rewrite(other, [])


# ---------------------------------------------------------------- the command


@pytest.fixture
def run(segctl, store: Store):
    return lambda *words, **more: segctl(*words, store=store, **more)


def test_the_command_asks_and_without_a_terminal_refuses(run, anna: int, store: Store):
    result = run("records", "erase", "contact", "anna-9")
    assert result.code == 2
    assert "--yes" in result.stderr
    assert SECRET in everything(store)


def test_the_command_tells_what_is_gone(run, anna: int, store: Store):
    segment(store, "Her", f'email = "{SECRET}"', type="contact")
    result = run("records", "erase", "contact", "anna-9", "--yes", "-o", "json").ok()
    assert result.json["id"] == anna
    assert result.json["records"] == 1
    assert result.json["segments"] == ["Gdańsk", "VIP"]
    assert result.json["mentioned_by"] == ["Her"]
    assert '"Her" names it' in result.stderr
    assert "--vacuum" in result.stderr
    assert SECRET not in result.stderr + result.stdout


def test_the_command_for_somebody_unknown_exits_5(run, anna: int):
    assert run("records", "erase", "contact", "nobody", "--yes").code == 5


def test_the_command_shows_a_table(run, anna: int):
    shown = run("records", "erase", "contact", "anna-9", "--yes", "--vacuum").ok()
    assert "Audit entries emptied" in shown.stdout
    assert "--vacuum" not in shown.stderr
