"""A team from a CSV file: all of it or nothing."""

import io
from pathlib import Path

import pytest

from segctl.errors import FileError, UsageError
from segctl.services.team_groups import list_groups
from segctl.services.team_import import TeamImport, import_members
from segctl.services.team_members import list_members
from segctl.store.opening import Store
from tests.team.people import ANNA, BEN, BY, audit, group, last_audit, member

HEADER = "email,name,role,active,groups\n"


@pytest.fixture
def load(store: Store, tmp_path: Path):
    """Import a text."""

    def call(text: str, **more) -> TeamImport:
        path = tmp_path / "people.csv"
        path.write_text(text, encoding="utf-8")
        return import_members(store, str(path), **BY, **more)

    return call


def team(store: Store):
    return [(m.email, m.name, m.role, m.active, m.groups) for m in list_members(store)]


def numbers(done: TeamImport):
    return (done.rows, done.created, done.updated, done.unchanged, done.rejected)


def test_new_people_are_created_with_their_groups(load, store: Store):
    group(store, "Sales")
    done = load(
        HEADER + "Anna@Example.com, Anna Łiś ,Manager,yes,sales; SALES ;\nben@example.com,,,no,\n"
    )
    assert numbers(done) == (2, 2, 0, 0, 0)
    assert done.stored
    assert team(store) == [
        (ANNA, "Anna Łiś", "manager", True, ("Sales",)),
        (BEN, "", "agent", False, ()),
    ]
    entry = last_audit(store)
    assert (entry.action, entry.subject_type) == ("import", "team member")
    assert entry.after == {"created": [ANNA, BEN]}
    assert len(audit(store)) == 2


def test_who_is_known_is_updated_and_an_empty_cell_says_nothing(load, store: Store):
    group(store, "Sales")
    group(store, "Support")
    member(store, ANNA, name="Anna", groups=["Sales"])
    member(store, BEN, name="Ben", role="manager", groups=["Support"])
    done = load(HEADER + f"{ANNA},,manager,false,Support\n{BEN},Ben,,,\n")
    assert numbers(done) == (2, 0, 1, 1, 0)
    assert team(store) == [
        (ANNA, "Anna", "manager", False, ("Support",)),
        (BEN, "Ben", "manager", True, ("Support",)),
    ]
    assert last_audit(store).after == {
        "updated": {
            ANNA: {
                "role": ["agent", "manager"],
                "active": [True, False],
                "groups": [["sales"], ["support"]],
            }
        }
    }


def test_the_same_file_again_changes_nothing(load, store: Store):
    text = HEADER + f"{ANNA},Anna,agent,true,Sales\n"
    load(text, create_groups=True)
    entries = len(audit(store))
    assert numbers(load(text)) == (1, 0, 0, 1, 0)
    assert len(audit(store)) == entries


def test_columns_may_be_missing_in_any_order_and_others_are_ignored(load, store: Store):
    done = load(f"Name,phone,EMAIL\nAnna,12,{ANNA}\n")
    assert done.ignored_columns == ("phone",)
    assert team(store) == [(ANNA, "Anna", "agent", True, ())]


def test_groups_are_created_when_asked(load, store: Store):
    text = HEADER + f"{ANNA},,,,New;Sales\n{BEN},,,,NEW\n"
    done = load(text)
    assert numbers(done) == (2, 0, 0, 0, 2)
    assert done.rejections[0].reason == 'there is no group "New"'
    assert done.rejections[0].hint == "--create-groups makes it"
    assert not done.stored
    assert load(text, create_groups=True).created_groups == ("New", "Sales")
    assert [(g.name, g.members) for g in list_groups(store)] == [
        ("New", (ANNA, BEN)),
        ("Sales", (ANNA,)),
    ]
    assert last_audit(store).after["created_groups"] == ["New", "Sales"]


def test_a_dry_run_keeps_nothing(load, store: Store):
    done = load(HEADER + f"{ANNA},,,,New\n", create_groups=True, dry_run=True)
    assert (numbers(done), done.stored, done.created_groups) == ((1, 1, 0, 0, 0), False, ("New",))
    assert (team(store), list_groups(store), audit(store)) == ([], [], [])


BAD = (
    ("ben@,,,,", "email", '"ben@" is not an e-mail address'),
    (",Ben,,,", "email", "a team member needs an e-mail address"),
    ("b@x.de,,agnt,,", "role", 'there is no role "agnt"'),
    ("b@x.de,,,maybe,", "active", '"maybe" is neither true nor false (yes/no, t/f, y/n, 1/0)'),
    ("b@x.de,,,,Sale", "groups", 'there is no group "Sale"'),
    (
        "b@x.de,a\x07,,,",
        "name",
        "the name of a team member cannot hold the control character U+0007",
    ),
    (f"{ANNA.upper()},,,,", "email", f"{ANNA} stands on line 2 already"),
    ("b@x.de,Ben", None, "the row has 2 fields, the header 5"),
    ('b@x.de,"Ben,,,', None, "a quote is opened in this row and never closed"),
)


@pytest.mark.parametrize(("row", "column", "reason"), BAD)
def test_one_bad_row_stores_none_and_says_line_and_reason(
    load, store: Store, row: str, column: str | None, reason: str
):
    group(store, "Sales")
    entries = len(audit(store))
    done = load(HEADER + f"{ANNA},,,,Sales\n{row}\n")
    assert numbers(done) == (2, 1, 0, 0, 1)
    [rejection] = done.rejections
    assert (rejection.line, rejection.column, rejection.reason) == (3, column, reason)
    assert not done.stored
    assert team(store) == []
    assert len(audit(store)) == entries


def test_all_bad_rows_are_told_in_their_order(load, store: Store):
    done = load(HEADER + f"x\n{ANNA},,,,Nobody\ny@,,,,\n")
    assert [r.line for r in done.rejections] == [2, 3, 4]


def test_a_file_without_addresses_is_refused(load):
    with pytest.raises(FileError, match="has no column email") as raised:
        load("mail,name\na@b.de,x\n")
    assert raised.value.hint == 'did you mean "mail"?'
    with pytest.raises(FileError) as raised:
        load("who,what\n")
    assert raised.value.hint == "the columns are email, name, role, active, groups"
    with pytest.raises(FileError) as raised:
        load("email;name\n")
    assert raised.value.hint.startswith("--delimiter")
    with pytest.raises(FileError, match="is empty"):
        load("")


def test_other_delimiters_encodings_and_standard_input(store: Store):
    text = f"email;name;groups\n{ANNA};Łiś;\n"
    stdin = io.BytesIO(text.encode("cp1250"))
    done = import_members(store, "-", stdin=stdin, encoding="cp1250", delimiter=";", **BY)
    assert done.source == "standard input"
    assert team(store) == [(ANNA, "Łiś", "agent", True, ())]


def test_json_lines_are_read_too(store: Store, tmp_path: Path):
    path = tmp_path / "people.ndjson"
    path.write_text(
        f'{{"email": "{ANNA}", "active": false, "groups": ["Sales"]}}\n{{"email": "{BEN}"}}\n'
    )
    import_members(store, str(path), create_groups=True, **BY)
    assert team(store) == [(ANNA, "", "agent", False, ("Sales",)), (BEN, "", "agent", True, ())]


def test_a_missing_file_and_a_bad_delimiter_are_refused(load, store: Store, tmp_path: Path):
    with pytest.raises(FileError):
        import_members(store, str(tmp_path / "none.csv"), **BY)
    with pytest.raises(UsageError):
        load(HEADER, delimiter="ab")


def test_there_may_be_many_bad_rows(load):
    done = load(HEADER + "x@,,,,\n" * 150)
    assert (done.rejected, len(done.rejections)) == (150, 100)
