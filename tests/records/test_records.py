"""`segctl records` at the command line: list, show, set, delete."""

from collections.abc import Callable
import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from segctl.store.opening import open_store
from segctl.store.tables import AuditEntry
from tests.records.loading import written

Segctl = Callable[..., Any]


@pytest.fixture
def crm(segctl: Segctl, store_url: str, tmp_path: Path) -> Segctl:
    """The command line on a store with two companies, three contacts and a deal."""

    def call(*words: object, input: str | bytes | None = None) -> Any:
        return segctl(*words, store=store_url, input=input)

    firms = written(tmp_path, "external_id,name,country\nacme,Acme,PL\ninit,Initech,US\n")
    call("records", "import", "company", firms).ok()
    people = "external_id,name,email,score,company,tags\n"
    people += "ann,Ann,ann@x.com,5,acme,vip;b\nbob,Bob,,7,init,\ncid,Cid,,,,b\n"
    call("records", "import", "contact", "-", input=people).ok()
    call("records", "import", "product", "-", input="external_id\np1\np2\n").ok()
    call("records", "import", "deal", "-", input="external_id,contact,products\nd,ann,p1\n").ok()
    return call


def audited(store_url: str) -> list[AuditEntry]:
    with open_store(store_url) as store, store.read() as session:
        entries = sa.select(AuditEntry).where(AuditEntry.action != "import")  # type: ignore[arg-type]
        return list(session.execute(entries.order_by(AuditEntry.id)).scalars())  # type: ignore[arg-type]


# ---------------------------------------------------------------- list


def test_a_listing_has_the_columns_that_were_asked_for(crm: Segctl) -> None:
    columns = "external_id,score,tags,company,company.name"
    assert crm("records", "list", "contact", "--columns", columns, "-o", "json").ok().json == [
        {
            "id": 1,
            "external_id": "ann",
            "score": 5,
            "tags": ["b", "vip"],
            "company": "acme",
            "company.name": "Acme",
        },
        {
            "id": 2,
            "external_id": "bob",
            "score": 7,
            "tags": [],
            "company": "init",
            "company.name": "Initech",
        },
        {
            "id": 3,
            "external_id": "cid",
            "score": None,
            "tags": ["b"],
            "company": None,
            "company.name": None,
        },
    ]


def test_a_listing_in_json_has_everything(crm: Segctl) -> None:
    row = crm("records", "list", "deal", "-o", "ndjson").ok().stdout
    deal = json.loads(row)
    assert (deal["contact"], deal["products"], deal["value"]) == ("ann", ["p1"], None)
    assert {"created_at", "tags", "company", "status"} <= deal.keys()


def test_a_listing_filters_and_stops(crm: Segctl) -> None:
    words = ("records", "list", "contact", "--where", 'tags has "b"')
    assert crm(*words, "-o", "ids").ok().lines == ["1", "3"]
    assert crm(*words, "--limit", "1", "-o", "ids").ok().lines == ["1"]
    assert crm(*words, "-o", "count").ok().lines == ["2"]
    assert crm("records", "list", "contacts", "-o", "count").ok().lines == ["3"]
    assert crm("records", "list", "contact", "--limit", "2", "-o", "count").ok().lines == ["2"]


def test_a_listing_for_people_is_a_table(crm: Segctl) -> None:
    lines = crm("records", "list", "company").ok().lines
    assert lines[0].split()[:3] == ["external_id", "name", "industry"]
    assert "Acme" in lines[2]


def test_a_listing_can_look_from_another_time(crm: Segctl) -> None:
    where = ("--where", "created_at in last 1 days", "-o", "count")
    assert crm("records", "list", "contact", *where).ok().lines == ["3"]
    assert crm("records", "list", "contact", *where, "--at", "2040-01-01").ok().lines == ["0"]


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("--columns", "nmae"), 5, 'did you mean "name"?'),
        (("--columns", "deals"), 2, "leads to several deals"),
        (("--columns", "deals.value"), 2, "leads to several deals"),
        (("--columns", "company.tags"), 2, "has several values"),
        (("--columns", "firm.name"), 5, 'no attribute "firm"'),
        (("--where", "nmae = 1"), 2, "unknown attribute"),
        (("--where", 'in segment "None"'), 2, "None"),
    ],
)
def test_a_listing_of_what_is_not_there_is_refused(
    crm: Segctl, words: tuple[str, ...], code: int, text: str
) -> None:
    result = crm("records", "list", "contact", *words)
    assert result.code == code
    assert text in result.stderr


def test_many_records_stream_with_their_items(crm: Segctl) -> None:
    rows = "".join(f"u{n},t{n % 3};x\n" for n in range(4_500))
    crm("records", "import", "contact", "-", input="external_id,tags\n" + rows).ok()
    lines = (
        crm("records", "list", "contact", "--columns", "external_id,tags", "-o", "csv").ok().lines
    )
    assert len(lines) == 4_504
    assert lines[-1] == "u4499,t2;x"


# ---------------------------------------------------------------- show


@pytest.mark.parametrize("ref", ["ann", "#1"])
def test_a_record_is_shown_by_external_id_or_number(crm: Segctl, ref: str) -> None:
    row = crm("records", "show", "contact", ref, "-o", "json").ok().json
    assert (row["id"], row["name"], row["company"]) == (1, "Ann", "acme")
    table = crm("records", "show", "contact", ref).ok().stdout
    assert "ann@x.com" in table
    assert "phone" not in table


@pytest.mark.parametrize("ref", ["nobody", "#99", "#x", "", "1", "a\x01"])
def test_a_record_that_is_not_there_is_not_found(crm: Segctl, ref: str) -> None:
    result = crm("records", "show", "contact", ref)
    assert result.code == 5
    assert "there is no contact" in result.stderr


# ---------------------------------------------------------------- set


def shown(crm: Segctl, type: str, ref: str, *names: str) -> list[Any]:
    row = crm("records", "show", type, ref, "-o", "json").ok().json
    return [row[name] for name in names]


def test_values_are_set_and_audited(crm: Segctl, store_url: str) -> None:
    changes = crm("records", "set", "contact", "ann", "score=9", "name=", "-o", "json").ok().json
    assert changes == [
        {"attribute": "name", "before": "Ann", "after": None},
        {"attribute": "score", "before": 5, "after": 9},
    ]
    assert shown(crm, "contact", "ann", "score", "name") == [9, None]
    (entry,) = audited(store_url)
    assert (entry.action, entry.subject_type, entry.subject) == ("set", "contact", "ann")
    assert (entry.before, entry.after) == (
        {"name": "Ann", "score": 5},
        {"name": None, "score": 9},
    )


@pytest.mark.parametrize(
    ("assignment", "tags"),
    [
        ("tags=x,y", ["x", "y"]),
        ("tags+=x", ["b", "vip", "x"]),
        ("tags+=b", ["b", "vip"]),
        ("tags-=b,nothing", ["vip"]),
        ("tags=", []),
        ('tags=["a,b"]', ["a,b"]),
    ],
)
def test_items_are_set_added_and_removed(crm: Segctl, assignment: str, tags: list[str]) -> None:
    crm("records", "set", "contact", "ann", assignment).ok()
    assert shown(crm, "contact", "ann", "tags") == [tags]


def test_relations_are_set_and_emptied(crm: Segctl) -> None:
    crm("records", "set", "contact", "ann", "company=init").ok()
    assert shown(crm, "contact", "ann", "company") == ["init"]
    crm("records", "set", "contact", "ann", "company=#1").ok()
    assert shown(crm, "contact", "ann", "company") == ["acme"]
    crm("records", "set", "contact", "ann", "company=").ok()
    assert shown(crm, "contact", "ann", "company") == [None]


def test_products_of_a_deal_are_set_added_and_removed(crm: Segctl) -> None:
    crm("records", "set", "deal", "d", "products+=p2").ok()
    assert shown(crm, "deal", "d", "products") == [["p1", "p2"]]
    crm("records", "set", "deal", "d", "products-=p1").ok()
    assert shown(crm, "deal", "d", "products") == [["p2"]]
    crm("records", "set", "product", "p1", "deals=d").ok()
    assert shown(crm, "deal", "d", "products") == [["p1", "p2"]]
    crm("records", "set", "deal", "d", "products=").ok()
    assert shown(crm, "deal", "d", "products") == [[]]


def test_updated_at_moves_only_if_something_changed(crm: Segctl, store_url: str) -> None:
    before = shown(crm, "contact", "ann", "updated_at", "created_at")
    result = crm("records", "set", "contact", "ann", "score=5", "tags+=vip").ok()
    assert "nothing to change" in result.stderr
    assert shown(crm, "contact", "ann", "updated_at", "created_at") == before
    assert audited(store_url) == []
    crm("records", "set", "contact", "ann", "tags-=vip").ok()
    after = shown(crm, "contact", "ann", "updated_at", "created_at")
    assert after[0] > before[0]
    assert after[1] == before[1]
    crm("records", "set", "contact", "ann", "score=1", "updated_at=2020-01-01").ok()
    assert shown(crm, "contact", "ann", "updated_at") == ["2020-01-01T00:00:00Z"]


def test_a_record_is_created_only_if_that_is_said(crm: Segctl, store_url: str) -> None:
    result = crm("records", "set", "contact", "dan", "name=Dan")
    assert (result.code, "--create makes it" in result.stderr) == (5, True)
    created = crm("records", "set", "contact", "dan", "name=Dan", "tags=a", "--create").ok()
    assert "created the contact dan" in created.stderr
    assert shown(crm, "contact", "dan", "id", "name", "tags") == [4, "Dan", ["a"]]
    assert [entry.action for entry in audited(store_url)] == ["create"]
    crm("records", "set", "contact", "dan", "name=Daniel", "--create").ok()
    assert shown(crm, "contact", "dan", "id", "name") == [4, "Daniel"]


@pytest.mark.parametrize(
    ("assignments", "code", "text"),
    [
        (["score=x"], 2, 'contact.score: "x" is not a whole number'),
        (["status=Usr"], 2, 'did you mean "user"?'),
        (["scroe=1"], 5, 'did you mean "score"?'),
        (["company=nobody"], 5, 'there is no company "nobody"'),
        (["deals=d"], 2, "is kept with the deals"),
        (["company+=acme"], 2, "leads to one company"),
        (["score+=1"], 2, "has one value"),
        (["score"], 2, "is not of the form name=value"),
        (["external_id=bob"], 1, 'there is another contact "bob"'),
        (["external_id=" + "x" * 501], 2, "at most 500"),
        (["tags=" + "x" * 501], 2, "at most 500"),
        ([], 2, "nothing to set"),
        (["score=9", "company=nobody"], 5, "nobody"),
    ],
)
def test_what_cannot_be_set_changes_nothing(
    crm: Segctl, assignments: list[str], code: int, text: str
) -> None:
    before = crm("records", "show", "contact", "ann", "-o", "json").ok().json
    result = crm("records", "set", "contact", "ann", *assignments)
    assert result.code == code
    assert text in result.stderr
    assert crm("records", "show", "contact", "ann", "-o", "json").ok().json == before


@pytest.mark.parametrize("ref", ["#99", "", "x" * 501])
def test_what_cannot_be_a_name_is_not_created(crm: Segctl, ref: str) -> None:
    assert crm("records", "set", "contact", ref, "--create").code == 2


def test_an_external_id_can_be_changed(crm: Segctl) -> None:
    crm("records", "set", "contact", "ann", "external_id=anna").ok()
    assert shown(crm, "contact", "anna", "name") == ["Ann"]


# ---------------------------------------------------------------- delete


def test_records_are_deleted_by_name_all_or_none(crm: Segctl, store_url: str) -> None:
    assert crm("records", "delete", "contact", "ann", "nobody", "--yes").code == 5
    assert crm("records", "list", "contact", "-o", "count").ok().lines == ["3"]
    result = crm("records", "delete", "contact", "ann", "#2", "ann", "--yes").ok()
    assert "deleted 2 contacts" in result.stderr
    assert crm("records", "list", "contact", "-o", "ids").ok().lines == ["3"]
    assert shown(crm, "deal", "d", "contact") == [None]
    entries = audited(store_url)
    assert [entry.subject for entry in entries] == ["ann", "bob"]
    assert entries[0].before["email"] == "ann@x.com"


def test_records_are_deleted_by_condition(crm: Segctl, store_url: str) -> None:
    result = crm("records", "delete", "contact", "--where", "score > 4", "--yes").ok()
    assert "deleted 2 contacts" in result.stderr
    assert crm("records", "list", "contact", "-o", "ids").ok().lines == ["3"]
    (entry,) = audited(store_url)
    assert (entry.subject, entry.before) == ("score > 4", {"records": 2})


def test_deleting_a_company_leaves_its_contacts(crm: Segctl) -> None:
    crm("records", "delete", "company", "--where", 'any contacts (name = "Ann")', "--yes").ok()
    assert shown(crm, "contact", "ann", "company") == [None]
    assert shown(crm, "contact", "bob", "company") == ["init"]


def test_deleting_asks_and_without_a_terminal_refuses(crm: Segctl) -> None:
    result = crm("records", "delete", "contact", "ann")
    assert result.code == 2
    assert "Delete 1 contact" in result.stderr
    assert crm("records", "list", "contact", "-o", "count").ok().lines == ["3"]


@pytest.mark.parametrize("words", [(), ("ann", "--where", "everything")])
def test_deleting_needs_names_or_a_condition(crm: Segctl, words: tuple[str, ...]) -> None:
    assert crm("records", "delete", "contact", *words, "--yes").code == 2


# ---------------------------------------------------------------- import


def test_an_import_reports_in_json(crm: Segctl) -> None:
    text = "external_id,score,junk\nann,5,?\nbob,8,?\nnew,x,?\n"
    words = ("--on-error", "skip", "--create-attributes", "--ignore", "junk", "-o", "json")
    result = crm("records", "import", "contact", "-", *words, input=text)
    assert result.code == 3
    report = result.json
    assert {
        key: report[key] for key in ("rows", "created", "updated", "unchanged", "rejected")
    } == {
        "rows": 3,
        "created": 0,
        "updated": 1,
        "unchanged": 1,
        "rejected": 1,
    }
    assert report["rejections"] == [
        {"line": 4, "column": "score", "value": "x", "reason": '"x" is not a whole number'}
    ]
    error = json.loads(result.stderr.splitlines()[-1])["error"]
    assert (error["code"], error["failed"]) == ("partial", report["rejections"])


def test_an_import_says_what_it_made_and_what_it_ignored(crm: Segctl) -> None:
    text = "external_id,age,company\nann,30,newco\n"
    words = ("--create-attributes", "--on-missing-relation", "create")
    result = crm("records", "import", "contact", "-", *words, input=text).ok()
    assert "created the attribute contact.age, integer" in result.stderr
    assert "created 1 company records" in result.stderr
    again = crm("records", "import", "contact", "-", input="external_id,other\nann,1\n").ok()
    assert "ignored columns: other" in again.stderr
    dry = crm("records", "import", "contact", "-", "--dry-run", input="external_id\nzed\n").ok()
    assert "nothing was kept" in dry.stderr


def test_value_maps_take_two_words_and_may_be_repeated(crm: Segctl) -> None:
    text = "external_id,status,name\nx,V,a=b\ny,?,z\n"
    words = ("--value-map", "status", "V=visitor", "--value-map", "status", "?=")
    crm(
        *("records", "import", "contact", "-"), *words, "--value-map", "name", r"a\=b=c", input=text
    ).ok()
    assert shown(crm, "contact", "x", "status", "name") == ["visitor", "c"]
    assert shown(crm, "contact", "y", "status", "name") == [None, "z"]


@pytest.mark.parametrize(
    "words",
    [
        ("--value-map", "status"),
        ("--value-map", "status", "V"),
        ("--value-map", "status", "V=a", "--value-map", "status", "V=b"),
        ("--map", "x"),
        ("--map", "=x"),
        ("--relate", "company"),
        ("--set", "name"),
        ("--set", "name=a", "--set", "name=b"),
    ],
)
def test_malformed_options_are_refused(crm: Segctl, words: tuple[str, ...]) -> None:
    text = "external_id,status\nx,V\n"
    assert crm("records", "import", "contact", "-", *words, input=text).code == 2
    assert crm("records", "list", "contact", "-o", "count").ok().lines == ["3"]


def test_a_header_on_the_command_line(crm: Segctl) -> None:
    words = ("--header", 'external_id,"na,me"', "--map", "na,me=name")
    crm("records", "import", "contact", "-", *words, input="x,Xenia\n").ok()
    assert shown(crm, "contact", "x", "name") == ["Xenia"]
