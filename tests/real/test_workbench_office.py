"""Contacts, tasks and web visits of one office; ids have leading zeros."""

from collections import Counter
from pathlib import Path

from tests.real.loading import Segctl, counts, how_many, imported, members, read

TODAY = "2023-11-30T12:00"
"""A natural now for this set."""


def test_segments_have_the_counts_of_the_files(
    segctl: Segctl, store_url: str, shared_data: Path
) -> None:
    data = shared_data / "workbench_office"

    def crm(*words: object, input: str | None = None) -> object:
        return segctl(*words, store=store_url, input=input)

    people = imported(
        crm,
        *("records", "import", "contact", data / "customer_relationship_manager_data.csv"),
        *("--id", "customer_id", "--map", "assigned_to_email=assignee"),
        *("--map", "customer_name=name", "--map", "customer_email=email"),
        *("--map", "customer_phone=phone", "--map", "last_contact_date=last_contacted_at"),
        *("--map", "status=crm_status", "--create-attributes"),
    )
    assert (people["rows"], people["created"]) == (200, 200)
    tasks = imported(
        crm,
        *("records", "import", "task", data / "project_tasks.csv", "--id", "task_id"),
        *("--map", "task_name=name", "--map", "assigned_to_email=assignee"),
        *("--map", "due_date=due_at", "--map", "list_name=kind", "--map", "list_name=done"),
        *("--value-map", "done", "Completed=true", "--value-map", "done", "Backlog=false"),
        *("--value-map", "done", "In Review=false", "--value-map", "done", "In Progress=false"),
        "--create-attributes",
    )
    assert (tasks["rows"], tasks["created"]) == (300, 300)
    visits = imported(
        crm,
        *("events", "import", data / "analytics_data.csv", "--set", "name=visit"),
        *("--map", "date_of_visit=occurred_at", "--relate", "contact=visitor_id"),
        *("--on-missing-relation", "create", "--create-attributes"),
    )
    assert (visits["rows"], visits["created"]) == (1000, 1000)

    contacts = read(data / "customer_relationship_manager_data.csv")
    seen = read(data / "analytics_data.csv")
    per_visitor = Counter(row["visitor_id"] for row in seen)
    november = {
        row["visitor_id"]
        for row in seen
        if row["date_of_visit"] >= "2023-11-01" and row["traffic_source"] == "direct"
    }
    october = {row["visitor_id"] for row in seen if row["date_of_visit"] < "2023-11-01"}
    first_seen: dict[str, str] = {}
    for row in sorted(seen, key=lambda row: row["date_of_visit"]):
        first_seen.setdefault(row["visitor_id"], row["date_of_visit"])
    assert counts(
        crm,
        "contact",
        {
            "Won": 'crm_status = "Won"',
            "In play": 'crm_status in ("Lead", "Proposal", "Qualified") and phone is set',
            "Lena's": 'assignee = "lena.schmidt@atlas.com"',
            "Saw the demo": 'notes contains "saw the DEMO"',
            "Talked to in October": "last_contacted_at between 2023-10-01 and 2023-10-31",
            "Visitors": 'event "visit"',
            "Came back": 'event "visit" at least 2 times',
            "Came three times": 'event "visit" exactly 3 times',
            "Direct in November": (
                'event "visit" where traffic_source = "direct" between 2023-11-01 and 2023-11-30'
            ),
            "New in November": 'first event "visit" after 2023-10-31',
            "Long and engaged": (
                'event "visit" where (session_duration_seconds >= 60 and user_engaged)'
            ),
            "Not since October": 'event "visit" and no event "visit" after 2023-10-31',
            "Leading zero": 'external_id matches "^0[0-9]{3}$"',
        },
    ) == {
        "Won": 45,
        "In play": how_many(
            contacts,
            lambda r: r["status"] in ("Lead", "Proposal", "Qualified") and r["customer_phone"],
        ),
        "Lena's": 50,
        "Saw the demo": how_many(contacts, lambda r: "saw the demo" in r["notes"].lower()),
        "Talked to in October": how_many(
            contacts, lambda r: r["last_contact_date"].startswith("2023-10")
        ),
        "Visitors": 946,
        "Came back": 53,
        "Came three times": 1,
        "Direct in November": len(november),
        "New in November": how_many(first_seen.values(), lambda day: day > "2023-10-31"),
        "Long and engaged": len(
            {
                row["visitor_id"]
                for row in seen
                if int(row["session_duration_seconds"]) >= 60 and row["user_engaged"] == "True"
            }
        ),
        "Not since October": len(
            {visitor for visitor in october if visitor in per_visitor}
            - {row["visitor_id"] for row in seen if row["date_of_visit"] > "2023-10-31"}
        ),
        "Leading zero": how_many(per_visitor, lambda visitor: visitor.startswith("0")),
    }
    assert [row["external_id"] for row in members(crm, "Came three times", "external_id")] == [
        visitor for visitor, number in per_visitor.items() if number == 3
    ]

    todo = read(data / "project_tasks.csv")
    assert counts(
        crm,
        "task",
        {
            "Backlog": 'kind = "Backlog" and not done',
            "Done": "done",
            "Design board": 'board = "Design"',
            "Due in a week": "not done and due_at between 2023-11-30 and 2023-12-07",
        },
    ) == {
        "Backlog": 191,
        "Done": 51,
        "Design board": 100,
        "Due in a week": how_many(
            todo,
            lambda r: (
                r["list_name"] != "Completed" and "2023-11-30" <= r["due_date"] <= "2023-12-07"
            ),
        ),
    }

    def preview(condition: str) -> int:
        words = ("preview", "--type", "contact", "--where", condition, "--at", TODAY)
        return int(crm(*words, "-o", "count").ok().stdout)  # type: ignore[attr-defined]

    assert preview("last_contacted_at in last 14 days") == how_many(
        contacts, lambda r: r["last_contact_date"] >= "2023-11-17"
    )
    assert preview("follow_up_by in next 14 days") == how_many(
        contacts, lambda r: "2023-11-30" <= r["follow_up_by"] <= "2023-12-14"
    )
