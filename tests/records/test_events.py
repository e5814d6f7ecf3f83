"""Events: imported, added, listed, exported."""

from collections.abc import Callable
import json
from pathlib import Path
from typing import Any

import pytest

from segctl.catalog import Attribute, ObjectType, ValueType
from segctl.services import attributes
from segctl.store.opening import open_store
from tests.conftest import NOW

Segctl = Callable[..., Any]


@pytest.fixture
def crm(segctl: Segctl, store_url: str) -> Segctl:
    """The command line on a store with two contacts, a product and declared event attributes."""

    def call(*words: object, input: str | bytes | None = None) -> Any:
        return segctl(*words, store=store_url, input=input)

    people = "external_id,email\nann,ann@x.com\nbob,bob@x.com\n"
    call("records", "import", "contact", "-", input=people).ok()
    call("records", "import", "product", "-", input="external_id\np1\n").ok()
    kinds = {
        "amount": ValueType.FLOAT,
        "paid": ValueType.BOOLEAN,
        "day": ValueType.DATE,
        "sent": ValueType.DATETIME,
        "label": ValueType.STRING,
    }
    made = [Attribute(ObjectType.EVENT, n, k, standard=False) for n, k in kinds.items()]
    with open_store(store_url) as store:
        attributes.add_all(store, made, now=NOW, actor="me")
    return call


EVENTS = (
    '{"external_id": "e1", "contact": "ann", "name": "purchase", "product": "p1", '
    '"occurred_at": "2026-01-02T10:00:00Z", "amount": 12.5, "paid": true, "day": "2026-01-01", '
    '"sent": "2026-01-03T00:00:00+01:00", "label": "a"}\n'
    '{"external_id": "e2", "contact": "bob", "name": "login", "occurred_at": "2026-01-01"}\n'
)


def events(crm: Segctl, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = crm("events", "list", *words, "-o", "json").ok().json
    return found


def counts(result: Any) -> tuple[int, ...]:
    report = result.json
    keys = ("created", "updated", "unchanged", "matched", "rejected")
    return tuple(report[key] for key in keys)


def load(crm: Segctl, text: str, *words: str) -> Any:
    return crm("events", "import", "-", *words, "-o", "json", input=text)


def test_events_are_imported_with_their_attributes(crm: Segctl) -> None:
    assert counts(load(crm, EVENTS).ok()) == (2, 0, 0, 0, 0)
    first, second = events(crm)
    assert (first["external_id"], first["amount"], first["label"]) == ("e2", None, None)
    assert second == {
        "id": 1,
        "external_id": "e1",
        "name": "purchase",
        "occurred_at": "2026-01-02T10:00:00Z",
        "amount": 12.5,
        "paid": True,
        "day": "2026-01-01",
        "sent": "2026-01-02T23:00:00Z",
        "label": "a",
        "contact": "ann",
        "product": "p1",
    }


def test_events_with_ids_are_recognised(crm: Segctl) -> None:
    load(crm, EVENTS).ok()
    assert counts(load(crm, EVENTS).ok()) == (0, 0, 2, 0, 0)
    changed = EVENTS.replace("12.5", "13").replace('"paid": true', '"paid": null')
    assert counts(load(crm, changed).ok()) == (0, 1, 1, 0, 0)
    assert [(e["amount"], e["paid"], e["day"]) for e in events(crm, "--contact", "ann")] == [
        (13, None, "2026-01-01")
    ]


def test_an_event_can_change_in_all_but_its_attributes(crm: Segctl) -> None:
    load(crm, EVENTS).ok()
    assert counts(load(crm, EVENTS.replace('"p1"', "null")).ok()) == (0, 1, 1, 0, 0)
    (event,) = events(crm, "--contact", "ann")
    assert (event["product"], event["amount"], event["label"]) == (None, 12.5, "a")


def test_an_attribute_that_a_row_does_not_name_stays(crm: Segctl) -> None:
    load(crm, EVENTS).ok()
    text = '{"external_id": "e1", "contact": "ann", "name": "purchase", "occurred_at": '
    text += '"2026-01-02T10:00:00Z", "amount": 1}\n'
    assert counts(load(crm, text).ok()) == (0, 1, 0, 0, 0)
    (event,) = events(crm, "--contact", "ann")
    assert (event["amount"], event["paid"], event["label"], event["product"]) == (
        1,
        True,
        "a",
        "p1",
    )


def test_events_without_ids_are_new_each_time(crm: Segctl) -> None:
    text = "contact,occurred_at,amount\nann,2026-01-01,5\nann,2026-01-01,5\n"
    assert counts(load(crm, text, "--name", "visit").ok()) == (2, 0, 0, 0, 0)
    assert counts(load(crm, text, "--name", "visit").ok()) == (2, 0, 0, 0, 0)
    assert crm("events", "list", "--name", "visit", "-o", "count").ok().lines == ["4"]


def test_contacts_are_found_by_email(crm: Segctl) -> None:
    text = "who,occurred_at\nann@x.com,2026-01-01\n"
    load(crm, text, "--name", "visit", "--contact", "who", "--contact-by", "email").ok()
    by_default = "contact,occurred_at\nbob@x.com,2026-01-01\n"
    load(crm, by_default, "--name", "visit", "--contact-by", "email").ok()
    assert [event["contact"] for event in events(crm)] == ["ann", "bob"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("nobody,visit,2026-01-01,", 'there is no contact "nobody"'),
        (",visit,2026-01-01,", "the event has no contact"),
        ("ann,,2026-01-01,", "the event has no name"),
        ("ann,visit,,", "the event has no occurred_at"),
        ("ann,visit,soon,", "is not a time"),
        ("ann,visit,2026-01-01,much", '"much" is not a number'),
        ("ann," + "x" * 501 + ",2026-01-01,", "at most 500"),
    ],
)
def test_a_bad_event_stops_the_import(crm: Segctl, row: str, reason: str) -> None:
    result = load(crm, f"contact,name,occurred_at,amount\nann,ok,2026-01-01,1\n{row}\n")
    assert result.code == 2
    error = json.loads(result.stderr.splitlines()[-1])["error"]
    assert reason in error["message"]
    assert error["line"] == 3
    assert events(crm) == []


@pytest.mark.parametrize(
    ("header", "missing"),
    [
        ("name,occurred_at", "contact"),
        ("contact,occurred_at", "name"),
        ("contact,name", "occurred_at"),
    ],
)
def test_a_file_without_a_needed_column_is_refused(crm: Segctl, header: str, missing: str) -> None:
    result = crm("events", "import", "-", input=header + "\n")
    assert result.code == 2
    assert f'no column "{missing}", which every event needs' in result.stderr


def test_attributes_must_be_declared_or_created(crm: Segctl) -> None:
    text = "contact,name,occurred_at,coupon\nann,a,2026-01-01,X1\n"
    assert "ignored columns: coupon" in load(crm, text).ok().stderr
    made = load(crm, text, "--create-attributes").ok().json["created_attributes"]
    assert made == [{"name": "coupon", "kind": "string"}]
    assert [event["coupon"] for event in events(crm)] == [None, "X1"]


def test_a_list_is_no_value_of_an_event(crm: Segctl) -> None:
    text = '{"contact": "ann", "name": "a", "occurred_at": "2026-01-01", "coupons": ["x"]}\n'
    result = load(crm, text, "--create-attributes")
    assert result.code == 2
    assert "is a list, not a text" in result.stderr


def test_missing_contacts_can_be_created_but_not_left_out(crm: Segctl) -> None:
    text = "contact,name,occurred_at\nnew,a,2026-01-01\n"
    empty = load(crm, text, "--on-missing-relation", "null", "--on-error", "skip")
    assert counts(empty) == (0, 0, 0, 0, 1)
    load(crm, text, "--on-missing-relation", "create").ok()
    assert [event["contact"] for event in events(crm)] == ["new"]


def test_the_name_is_said_once(crm: Segctl) -> None:
    result = crm("events", "import", "-", "--name", "a", "--set", "name=b", input="contact\n")
    assert result.code == 2


# ---------------------------------------------------------------- add


def test_an_event_is_added(crm: Segctl) -> None:
    words = ("amount=9.5", "paid=yes", "product=p1", "label=x,y", "day=2026-02-01")
    moment = ("--occurred-at", "2026-02-03 04:05")
    more = ("sent=2026-01-01T00:00Z", "external_id=e9")
    number = crm("events", "add", "ann", "purchase", *words, *more, *moment).ok().stdout.strip()
    (event,) = events(crm, "--contact", f"#{1}")
    assert event["id"] == int(number)
    assert (event["occurred_at"], event["amount"], event["paid"], event["product"]) == (
        "2026-02-03T04:05:00Z",
        9.5,
        True,
        "p1",
    )
    assert (event["label"], event["day"], event["sent"], event["external_id"]) == (
        "x,y",
        "2026-02-01",
        "2026-01-01T00:00:00Z",
        "e9",
    )


def test_an_event_happens_now_unless_told_otherwise(crm: Segctl) -> None:
    crm("events", "add", "ann", "login").ok()
    where = ("--where", "occurred_at in last 1 hours")
    assert crm("events", "list", *where, "-o", "count").ok().lines == ["1"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("nobody", "login"), 5),
        (("ann", ""), 2),
        (("ann", "login", "product=nothing"), 5),
        (("ann", "login", "unknown=1"), 5),
        (("ann", "login", "amount=much"), 2),
        (("ann", "login", "name=other"), 2),
        (("ann", "login", "label+=x"), 2),
        (("ann", "login", "--occurred-at", "soon"), 2),
        (("ann", "login", "--occurred-at", ""), 2),
        (("ann", "login", "external_id=taken"), 1),
    ],
)
def test_an_event_that_does_not_fit_is_not_added(
    crm: Segctl, words: tuple[str, ...], code: int
) -> None:
    crm("events", "add", "ann", "first", "external_id=taken").ok()
    assert crm("events", "add", *words).code == code
    assert crm("events", "list", "-o", "count").ok().lines == ["1"]


# ---------------------------------------------------------------- list and export


def test_events_are_listed_by_time_and_filtered(crm: Segctl) -> None:
    load(crm, EVENTS).ok()
    ids = [event["external_id"] for event in events(crm)]
    assert ids == ["e2", "e1"]
    for words, expected in (
        (("--contact", "ann"), ["e1"]),
        (("--name", "login"), ["e2"]),
        (("--since", "2026-01-02"), ["e1"]),
        (("--until", "2026-01-02T10:00Z"), ["e2"]),
        (("--where", "amount > 12"), ["e1"]),
        (("--limit", "1"), ["e2"]),
        (("--contact", "ann", "--name", "login"), []),
    ):
        assert [event["external_id"] for event in events(crm, *words)] == expected
    assert crm("events", "list", "--contact", "nobody").code == 5
    assert crm("events", "list", "--since", "soon").code == 2
    assert "purchase" in crm("events", "list").ok().stdout


@pytest.mark.parametrize("suffix", ["csv", "ndjson", "json", "parquet"])
def test_exported_events_come_back_unchanged(crm: Segctl, tmp_path: Path, suffix: str) -> None:
    load(crm, EVENTS).ok()
    path = tmp_path / f"out.{suffix}"
    crm("events", "export", path).ok()
    result = crm("events", "import", path, "-o", "json").ok()
    assert counts(result) == (0, 0, 2, 0, 0)


def test_values_of_another_type_count_as_missing_in_listings(crm: Segctl, store_url: str) -> None:
    load(crm, EVENTS).ok()
    wrong = {"amount": "x", "paid": 1, "day": "x", "sent": 5, "label": 5, "other": 1}
    with open_store(store_url) as store, store.write() as session:
        from segctl.catalog import Catalog
        from segctl.store.records import record_tables

        table = record_tables(Catalog()).record(ObjectType.EVENT)
        session.execute(table.update().values(attributes=wrong))
    (event, _) = events(crm)
    assert [event[name] for name in ("amount", "paid", "day", "sent", "label")] == [None] * 5
