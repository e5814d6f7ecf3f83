"""`segctl team`, `visibility`, `defaults`, `pins`, `view` as people and programs use them."""

import json
from pathlib import Path

import pytest

from segctl.store.opening import Store
from tests.engine.workspace import add, recalc, segment, sql
from tests.team.people import ANNA, BEN, conversation, default, group, hide, member, pin, rule


@pytest.fixture
def run(segctl, store: Store):
    """segctl on the store of the test."""

    def call(*words: object, **more):
        return segctl(*words, store=store, **more)

    return call


@pytest.fixture
def deals(store: Store) -> Store:
    """Anna in Sales, Ben, and two counted deal segments."""
    member(store, ANNA, name="Anna")
    member(store, BEN)
    group(store, "Sales", ANNA)
    add(store, "deal", [{"name": "a", "value": 60}, {"name": "b", "value": 10}])
    segment(store, "Big", "value > 50", type="deal", description="Large ones")
    segment(store, "Small", "value < 50", type="deal")
    recalc(store)
    return store


# ---------------------------------------------------------------- team


def test_a_team_is_made_shown_and_removed(run, store: Store):
    run("team", "groups", "create", "Sales", "--description", "Sells").ok()
    added = run(
        *("team", "members", "add", "Anna@Example.com", "--name", "Anna", "--group", "sales"),
        *("-o", "json"),
    ).ok()
    assert (added.json["email"], added.json["groups"]) == (ANNA, ["Sales"])
    assert list(added.json) == ["id", "email", "name", "role", "active", "groups", "created_at"]
    run("team", "members", "add", BEN).ok()
    run("team", "groups", "edit", "Sales", "--manager", "anna", "--strategy", "least_open").ok()
    assert "has 2 members" in run("team", "groups", "add", "Sales", BEN).ok().stderr
    listed = run("team", "groups", "list", "-o", "json").ok().json
    assert (listed[0]["members"], listed[0]["manager"]) == ([ANNA, BEN], ANNA)
    assert run("team", "groups", "list").ok().lines[2].split() == [
        *("Sales", "2", "2", ANNA, "least_open", "Sells")
    ]
    assert "Members" in run("team", "groups", "show", "sales").ok().stdout
    assert run("team", "groups", "show", "sales", "-o", "json").ok().json["rules"] == []
    assert run("team", "groups", "list", "--member", "ben", "-o", "count").code == 5
    assert run("team", "groups", "list", "--member", BEN, "-o", "count").ok().stdout == "1\n"
    assert "nothing changes" in run("team", "groups", "add", "Sales", BEN).ok().stderr
    run("team", "groups", "remove", "Sales", BEN).ok()
    run("team", "members", "remove", BEN, "--yes").ok()
    run("team", "members", "edit", ANNA, "--role", "manager", "-o", "json").ok()
    assert "nothing changes" in run("team", "members", "edit", ANNA, "--role", "manager").stderr
    header, row = run("team", "members", "list", "-o", "csv").ok().lines
    assert (header, row) == ("email,name,role,active,groups", f"{ANNA},Anna,manager,true,Sales")
    deleted = run("team", "groups", "delete", "Sales", "--yes").ok()
    assert "its members stay team members" in deleted.stderr


def test_the_exported_team_can_be_imported(run, store: Store, tmp_path: Path):
    group(store, "Sales")
    member(store, ANNA, name="Anna", role="manager", groups=["Sales"])
    path = tmp_path / "team.csv"
    path.write_text(run("team", "members", "list", "-o", "csv").ok().stdout)
    done = run("team", "members", "import", path, "-o", "json").ok().json
    assert (done["rows"], done["unchanged"], done["stored"]) == (1, 1, True)


def test_an_import_reports_and_a_bad_one_stores_nothing(run, store: Store):
    good = f"email,name,groups,phone\n{ANNA},Anna,Sales,1\n"
    call = ("team", "members", "import", "-")
    assert (
        "would create the groups: Sales"
        in run(*call, "--create-groups", "--dry-run", input=good).ok().stderr
    )
    done = run(*call, "--create-groups", input=good).ok()
    assert "Created    1" in done.stdout
    assert "ignored columns: phone" in done.stderr
    bad = run(*call, "-o", "json", input=f"email,role\n{BEN},agent\nx,boss\n")
    assert bad.code == 2
    assert (bad.json["created"], bad.json["rejected"], bad.json["stored"]) == (1, 1, False)
    error = json.loads(bad.stderr)["error"]
    assert (error["code"], error["rejections"][0]["line"]) == ("file", 3)
    table = run(*call, input="email\n" + "x\n" * 120)
    assert (table.code, table.stdout) == (2, "")
    assert 'line 2, column email: "x" is not an e-mail address' in table.stderr
    assert "and 20 more" in table.stderr
    assert run("team", "members", "list", "-o", "ids").ok().lines == ["1"]


def test_who_is_named_is_removed_only_by_force_and_told_what_it_clears(run, deals: Store):
    pin(deals, ANNA, "Big")
    add(deals, "task", [{"name": "t", "assignee": ANNA}])
    refused = run("team", "members", "remove", ANNA, "--yes", "-o", "json")
    assert refused.code == 2  # there is no -o
    refused = run("team", "members", "remove", ANNA)
    assert refused.code == 4
    assert '"Sales", 1 task' in refused.stderr
    assert "deactivate" in refused.stderr
    asked = run("team", "members", "remove", ANNA, "--force")
    assert asked.code == 2
    assert 'This unpins deal "Big"' in asked.stderr
    forced = run("team", "members", "remove", ANNA, "--force", "--yes").ok()
    assert 'this unpins deal "Big"' in forced.stderr
    assert "this leaves 1 task without an assignee" in forced.stderr


def test_a_group_that_is_named_is_deleted_only_by_force(run, deals: Store):
    hide(deals, "Big", "Sales")
    assert run("team", "groups", "delete", "Sales", "--yes").code == 4
    forced = run("team", "groups", "delete", "Sales", "--yes", "--force").ok()
    assert 'this forgets that deal "Big" is hidden from them' in forced.stderr


def test_deactivating_says_what_stays(run, deals: Store):
    anna = sql(deals, "SELECT id FROM team_member WHERE email = :email", email=ANNA)[0][0]
    vip = segment(deals, "VIP", "everything", type="contact")
    rule(deals, vip.id, member=anna)
    conversation(deals, member=anna)
    done = run("team", "members", "deactivate", "Anna").ok()
    assert f"{ANNA} is deactivated and gets no chats" in done.stderr
    assert 'assignment rule 1 (contact "VIP") is skipped' in done.stderr
    assert "1 open conversations stay theirs" in done.stderr
    assert "already" in run("team", "members", "deactivate", ANNA).ok().stderr
    shown = run("team", "members", "show", ANNA).ok().stdout
    assert "Assignment rules" in shown
    assert "is deactivated" in run("pins", "set", "Big", "--as", ANNA).ok().stderr
    assert "who is deactivated" in run("segments", "list", "--as", ANNA).ok().stderr
    assert "is deactivated" in run("view", "deal", "--as", ANNA).ok().stderr
    assert "active again" in run("team", "members", "activate", ANNA).ok().stderr


def test_show_counts_what_is_assigned(run, deals: Store):
    add(deals, "ticket", [{"name": "t", "assignee": ANNA}])
    assert "1 ticket" in run("team", "members", "show", ANNA).ok().stdout
    shown = run("team", "members", "show", ANNA, "-o", "json").ok().json
    assert (shown["assigned"], shown["groups"], shown["pins"]) == ({"ticket": 1}, ["Sales"], [])


def test_another_address_warns_of_the_records_left_behind(run, deals: Store):
    add(deals, "task", [{"name": "t", "assignee": ANNA}])
    done = run("team", "members", "edit", ANNA, "--email", "lis@example.com").ok()
    assert f"warning: the assignee of 1 task is still {ANNA}" in done.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("team", "members", "add", "anna"), 2),
        (("team", "members", "add", ANNA), 1),
        (("team", "members", "add", "x@y.de", "--role", "boss"), 2),
        (("team", "members", "show", "nobody"), 5),
        (("team", "members", "list", "--group", "nothing"), 5),
        (("team", "groups", "create", "SALES"), 1),
        (("team", "groups", "edit", "Sales"), 2),
        (("pins", "set", "Big", "--as", "nobody"), 5),
        (("pins", "set", "Big"), 2),
        (("pins", "set", "Big", "--as", ANNA, "--type", "lead"), 2),
        (("pins", "clear", "--as", ANNA), 2),
        (("pins", "clear", "deal", "--all", "--as", ANNA), 2),
        (("defaults", "set", "company", "Big"), 5),
        (("defaults", "set", "lead", "Big"), 2),
        (("visibility", "hide", "Big"), 2),
        (("visibility", "hide", "Big", "--from-group", ANNA), 5),
        (("visibility", "show", "Big"), 2),
        (("segments", "list", "--as", "nobody"), 5),
        (("segments", "overview", "--as", "nobody"), 5),
        (("segments", "edit", "Big", "--hide-from", "nobody"), 5),
        (("view", "deal", "--as", "nobody"), 5),
        (("view", "deal", "--columns", "nothing"), 5),
    ],
)
def test_bad_words_exit_with_the_right_code(run, deals: Store, words, code):
    result = run(*words)
    assert (result.code, result.stdout) == (code, "")
    assert sql(deals, "SELECT count(*) FROM pin")[0][0] == 0
    assert sql(deals, "SELECT count(*) FROM hidden_segment")[0][0] == 0


# ---------------------------------------------------------------- visibility


def test_hiding_and_showing(run, deals: Store):
    done = run("visibility", "hide", "Big", "--from", ANNA, "--from-group", "sales").ok()
    assert f'"Big" is hidden from Sales, {ANNA} now' in done.stderr
    again = run("visibility", "hide", "Big", "--from", ANNA).ok()
    assert "was hidden from them already" in again.stderr
    [first, second] = run("visibility", "list", "-o", "json").ok().json
    assert (first["segment"], first["who"], first["kind"]) == ("Big", "Sales", "group")
    assert (second["who"], second["kind"], second["type"]) == (ANNA, "team member", "deal")
    one = run("visibility", "list", "big", "--from-group", "Sales", "-o", "csv").ok()
    assert one.lines == ["segment,type,who,kind", "Big,deal,Sales,group"]
    shown = run("visibility", "show", "Big", "--to", ANNA).ok()
    assert "still does not see it" in shown.stderr
    assert (
        "not hidden from Sales any more"
        in run("visibility", "show", "Big", "--everybody").ok().stderr
    )
    assert (
        "was not hidden from anybody" in run("visibility", "show", "Big", "--everybody").ok().stderr
    )
    assert "was not hidden from them" in run("visibility", "show", "Big", "--to", BEN).ok().stderr


def test_creating_and_editing_can_hide(run, deals: Store):
    default(deals, "deal", "Big")
    run(
        *("segments", "create", "Own", "--type", "deal", "--where", "everything"),
        *("--hide-from", "Sales", "--hide-from", BEN),
    ).ok()
    done = run("segments", "edit", "Big", "--hide-from", "Sales", "--show-to", BEN).ok()
    assert f"it is the shared default of deal, hidden from {ANNA}" in done.stderr
    assert run("segments", "show", "Own", "-o", "json").json["hidden_from"] == ["Sales", BEN]
    shown = run("segments", "show", "Big").ok().stdout
    assert "Shared default  yes" in shown
    assert "Shared default" not in run("segments", "show", "Small").ok().stdout


# ---------------------------------------------------------------- listings


def test_a_listing_as_somebody_marks_pins_and_defaults(run, deals: Store):
    pin(deals, ANNA, "Small")
    default(deals, "deal", "Big")
    segment(deals, "Secret", "everything", type="deal", hide_from=["Sales"])
    listed = run("segments", "list", "--as", ANNA, "-o", "json").ok()
    assert [(r["name"], r["view"], r["pinned"], r["default"]) for r in listed.json] == [
        ("Small", "pinned", True, False),
        ("Big", "default", False, True),
    ]
    assert f"as {ANNA}; 1 hidden" in listed.stderr
    table = run("segments", "list", "--as", "Anna").ok().lines
    assert table[0].split()[:2] == ["View", "Name"]
    assert table[2].split()[:2] == ["pinned", "Small"]
    header = run("segments", "list", "--as", ANNA, "-o", "csv").ok().lines[0]
    assert header.startswith("view,name,type,interval")
    plain = run("segments", "list", "-o", "json").ok().json
    assert [row["name"] for row in plain] == ["Big", "Secret", "Small"]
    assert "view" not in plain[0]


def test_the_overview_shows_the_types_one_below_the_other(run, deals: Store):
    text = run("segments", "overview").ok().stdout
    titles = ["Contacts", "Companies", "Deals", "Tasks", "Tickets", "Products"]
    assert [line for line in text.splitlines() if line in titles] == titles
    assert text.count("no segments") == 5
    assert "Big    Large ones" in text
    rows = run("segments", "overview", "-o", "json").ok().json
    assert rows[0] == {"id": 1, "type": "deal", "name": "Big", "description": "Large ones"}
    assert run("segments", "overview", "--type", "task").ok().stdout == "Tasks\nno segments\n"


def test_the_overview_as_somebody(run, deals: Store):
    pin(deals, ANNA, "Small")
    hide(deals, "Big", "Sales")
    table = run("segments", "overview", "--as", ANNA, "--type", "deal").ok().lines
    assert [line.split() for line in table] == [
        ["Deals"],
        ["View", "Name", "Description"],
        table[2].split(),
        ["pinned", "Small"],
    ]
    [row] = run("segments", "overview", "--as", ANNA, "-o", "json").ok().json
    assert (row["view"], row["pinned"], row["default"]) == ("pinned", True, False)
    csv = run("segments", "overview", "--as", BEN, "-o", "csv").ok().lines
    assert csv == ["type,view,name,description", "deal,,Big,Large ones", "deal,,Small,"]


def test_completion_proposes_what_somebody_sees(segctl, deals: Store):
    from segctl.cli.options import segment_names

    hide(deals, "Big", ANNA)

    class Context:
        """What a shell has typed so far."""

        def __init__(self, **params: object) -> None:
            self.params = {"store": deals.url, **params}

        def find_root(self) -> "Context":
            return self

    assert segment_names(Context(as_=ANNA), "") == ["Small"]  # type: ignore[arg-type]
    assert segment_names(Context(), "") == ["Big", "Small"]  # type: ignore[arg-type]
    assert segment_names(Context(as_="nobody"), "") == []  # type: ignore[arg-type]


# ---------------------------------------------------------------- defaults, pins, view


def test_defaults(run, deals: Store):
    first = run("defaults", "set", "deals", "big").ok()
    assert 'the shared default of deal is "Big" now' in first.stderr
    assert "already" in run("defaults", "set", "deal", "Big").ok().stderr
    hide(deals, "Small", "Sales")
    warned = run("defaults", "set", "deal", "Small").ok()
    assert 'it was "Big"' in warned.stderr
    assert f'warning: "Small" is hidden from {ANNA}' in warned.stderr
    [row] = run("defaults", "list", "-o", "json").ok().json
    assert (row["type"], row["segment"], row["hidden_from"]) == ("deal", "Small", [ANNA])
    assert run("defaults", "list", "--as", ANNA, "-o", "count").ok().stdout == "0\n"
    assert 'it was "Small"' in run("defaults", "clear", "deal").ok().stderr
    assert "there was no shared default" in run("defaults", "clear", "deal").ok().stderr


def test_pins(run, deals: Store):
    assert "now" in run("pins", "set", "--as", ANNA, "Big").ok().stderr
    assert "already" in run("pins", "set", "--as", ANNA, "Big").ok().stderr
    replaced = run("pins", "set", "--as", ANNA, "Small").ok()
    assert 'and not "Big" any more' in replaced.stderr
    hide(deals, "Small", ANNA)
    [row] = run("pins", "list", "-o", "json").ok().json
    assert (row["email"], row["segment"], row["hidden"]) == (ANNA, "Small", True)
    mine = run("pins", "list", "--as", ANNA, "-o", "csv").ok()
    assert mine.lines == ["email,type,segment"]
    assert "1 pin of segments that are hidden from them" in mine.stderr
    assert '"Small" any more' in run("pins", "clear", "deal", "--as", ANNA).ok().stderr
    assert "nothing was pinned" in run("pins", "clear", "--all", "--as", ANNA).ok().stderr


def test_pinning_what_is_hidden_exits_2_and_says_where_to_look(run, deals: Store):
    hide(deals, "Big", "Sales")
    result = run("pins", "set", "--as", ANNA, "Big")
    assert result.code == 2
    assert 'is hidden from the group "Sales"' in result.stderr
    assert 'segctl visibility list "Big" --type deal' in result.stderr


def test_the_view_that_opens_says_why_and_lists_its_records(run, deals: Store):
    pin(deals, ANNA, "Big")
    default(deals, "deal", "Small")
    words = ("view", "deal", "--columns", "name,value", "-o", "csv")
    mine = run(*words, "--as", ANNA).ok()
    assert mine.lines == ["name,value", "a,60.0"]
    assert f'"Big" is pinned by {ANNA}' in mine.stderr
    assert '"Big" was counted' in mine.stderr
    hide(deals, "Big", ANNA)
    other = run(*words, "--as", ANNA).ok()
    assert other.lines == ["name,value", "b,10.0"]
    assert "is skipped: it is hidden from" in other.stderr
    assert run("view", "deal", "-o", "count").ok().stdout == "1\n"
    assert run("view", "company", "-o", "json").ok().json == []
    assert [set(row) for row in run("view", "deal", "-o", "json").json] == [
        {"id", "external_id", "name"}
    ]


def test_which_view_opens_is_one_object_for_programs(run, deals: Store):
    pin(deals, ANNA, "Big")
    row = run("view", "deal", "--as", ANNA, "--which", "-o", "json").ok().json
    assert list(row) == [
        *("type", "opens", "segment_id", "segment", "why", "skipped", "as", "count"),
        "last_counted_at",
    ]
    assert (row["opens"], row["segment"], row["count"]) == ("pin", "Big", 1)
    assert run("view", "task", "--which", "-o", "json").ok().json["opens"] == "all"


def test_a_view_that_was_never_counted_exits_1_and_says_how(run, deals: Store):
    segment(deals, "New", "everything", type="deal")
    default(deals, "deal", "New")
    result = run("view", "deal")
    assert (result.code, result.stdout) == (1, "")
    assert "never counted" in result.stderr
    assert 'segctl recalc "New" --type deal' in result.stderr


# ---------------------------------------------------------------- deleting


def test_deleting_a_pinned_segment_exits_4_and_force_reports_what_it_clears(run, deals: Store):
    pin(deals, ANNA, "Big")
    default(deals, "deal", "Big")
    refused = run("segments", "delete", "Big", "--yes", "-o", "json")
    assert refused.code == 2
    refused = run("segments", "delete", "Big", "--yes")
    assert refused.code == 4
    assert f"the pin of {ANNA}, the shared default of deal" in refused.stderr
    forced = run("segments", "delete", "Big", "--yes", "--force").ok()
    assert f"cleared the pin of {ANNA}" in forced.stderr
    assert "cleared the shared default of deal" in forced.stderr


def test_names_cannot_steer_the_terminal(run, deals: Store):
    sql(deals, "UPDATE team_group SET name = 'a' || :bad", bad="\x1b[2J")
    assert "\x1b" not in run("team", "groups", "list").ok().stdout
    assert "\x1b" not in run("team", "groups", "delete", "#1", "--yes").ok().stderr
