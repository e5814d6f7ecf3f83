"""8,469 tickets with multi-line text; contacts and products are derived from the same file."""

from pathlib import Path
import re

from tests.real.loading import Segctl, counts, how_many, imported, members, read


def test_segments_have_the_counts_of_the_file(
    segctl: Segctl, store_url: str, shared_data: Path
) -> None:
    file = shared_data / "support_tickets" / "customer_support_tickets.csv"

    def crm(*words: object, input: str | None = None) -> object:
        return segctl(*words, store=store_url, input=input)

    products = imported(
        crm,
        *("records", "import", "product", file, "--id", "Product Purchased"),
        *("--map", "Product Purchased=name", "--on-duplicate", "first"),
    )
    assert (products["rows"], products["created"]) == (8469, 42)
    contacts = imported(
        crm,
        *("records", "import", "contact", file, "--id", "Customer Email"),
        *("--map", "Customer Name=name", "--map", "Customer Email=email"),
        *("--map", "Customer Gender=gender", "--on-duplicate", "first"),
    )
    assert (contacts["rows"], contacts["created"], contacts["matched"]) == (8469, 8320, 149)
    tickets = imported(
        crm,
        *("records", "import", "ticket", file, "--id", "Ticket ID"),
        *("--map", "Ticket Subject=name", "--map", "Ticket Description=description"),
        *("--map", "Ticket Status=status", "--map", "Ticket Status=detailed_status"),
        *("--value-map", "status", "Open=active", "--value-map", "status", "Closed=closed"),
        *("--value-map", "status", "Pending Customer Response=active"),
        *("--map", "Ticket Priority=priority", "--map", "Ticket Channel=channel"),
        *("--map", "Ticket Type=ticket_type", "--map", "Date of Purchase=purchased_on"),
        *("--map", "First Response Time=answered_at", "--map", "Time to Resolution=closed_at"),
        *("--map", "Customer Satisfaction Rating=satisfaction", "--map", "Customer Age=age"),
        *("--relate", "contact=Customer Email", "--relate", "product=Product Purchased"),
        "--create-attributes",
    )
    assert (tickets["rows"], tickets["created"]) == (8469, 8469)

    rows = read(file)
    closed = [row for row in rows if row["Ticket Status"] == "Closed"]
    found = counts(
        crm,
        "ticket",
        {
            "Closed": 'status = "closed"',
            "Pending": 'detailed_status = "Pending Customer Response"',
            "Unrated": "satisfaction is empty",
            "Per cent": 'description contains "%"',
            "Underscore": 'description contains "_"',
            "Apostrophe": 'description contains "\'"',
            "Line break": r'description contains "\n"',
            "Beyond ASCII": r'description matches "[^ -~\n\r\t]"',
            "Placeholder": 'description contains "{PRODUCT_purchased}"',
            "Urgent social": 'priority in ("Critical", "High") and channel = "Social media"',
            "Unhappy": "satisfaction <= 2",
            "Closed by noon": "closed_at before 2023-06-01T12:00",
            "Answered on the first": "answered_at on 2023-06-01",
            "Bought in the summer": "purchased_on between 2021-06-01 and 2021-08-31",
            "Refund or cancellation": 'ticket_type in ("Refund request", "Cancellation request")',
            "Elderly asking": 'age >= 65 and name matches "^(Battery|Data)"',
            "Women with cameras": ('contact.gender = "Female" and product.name contains "camera"'),
        },
    )
    # The importer kept the first row of an e-mail that stands on several tickets.
    gender: dict[str, str] = {}
    for row in rows:
        gender.setdefault(row["Customer Email"], row["Customer Gender"])
    assert found == {
        "Closed": 2769,
        "Pending": 2881,
        "Unrated": 5700,
        "Per cent": 38,
        "Underscore": 8469,
        "Apostrophe": 8452,
        "Line break": 6150,
        "Beyond ASCII": 196,
        "Placeholder": 8469,
        "Urgent social": how_many(
            rows,
            lambda r: (
                r["Ticket Priority"] in ("Critical", "High")
                and r["Ticket Channel"] == "Social media"
            ),
        ),
        "Unhappy": how_many(closed, lambda r: float(r["Customer Satisfaction Rating"]) <= 2),
        "Closed by noon": how_many(closed, lambda r: r["Time to Resolution"] < "2023-06-01 12:00"),
        "Answered on the first": how_many(
            rows, lambda r: r["First Response Time"].startswith("2023-06-01")
        ),
        "Bought in the summer": how_many(
            rows, lambda r: "2021-06-01" <= r["Date of Purchase"] <= "2021-08-31"
        ),
        "Refund or cancellation": 1752 + 1695,
        "Elderly asking": how_many(
            rows,
            lambda r: (
                int(r["Customer Age"]) >= 65 and re.match("Battery|Data", r["Ticket Subject"])
            ),
        ),
        "Women with cameras": how_many(
            rows,
            lambda r: (
                gender[r["Customer Email"]] == "Female"
                and "camera" in r["Product Purchased"].lower()
            ),
        ),
    }

    tickets_of: dict[str, int] = {}
    for row in rows:
        tickets_of[row["Customer Email"]] = tickets_of.get(row["Customer Email"], 0) + 1
    critical: dict[str, int] = {}
    for row in rows:
        if row["Ticket Priority"] == "Critical":
            critical[row["Product Purchased"]] = critical.get(row["Product Purchased"], 0) + 1
    assert counts(
        crm,
        "contact",
        {
            "Came back": "count(tickets) >= 2",
            "Only open tickets": 'any tickets and no tickets (status = "closed")',
        },
    ) == {
        "Came back": 139,
        "Only open tickets": len(tickets_of.keys() - {row["Customer Email"] for row in closed}),
    }
    assert {row["external_id"] for row in members(crm, "Came back", "external_id")} == {
        email for email, number in tickets_of.items() if number > 1
    }
    assert counts(
        crm, "product", {"Critical": 'count(tickets where priority = "Critical") >= 55'}
    ) == {"Critical": how_many(critical.values(), lambda number: number >= 55)}
