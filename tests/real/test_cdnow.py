"""69,659 purchases of one customer cohort. The columns are separated by runs of blanks, which is no
CSV, so the file is rewritten first."""

from collections import defaultdict
from pathlib import Path

from tests.real.loading import Segctl, counts, how_many, imported


def test_segments_have_the_counts_of_the_file(
    segctl: Segctl, store_url: str, shared_data: Path, tmp_path: Path
) -> None:
    lines = (shared_data / "cdnow" / "CDNOW_master.txt").read_text(encoding="ascii").splitlines()
    rows = [line.split() for line in lines]
    file = tmp_path / "cdnow.csv"
    file.write_text("\n".join(",".join(row) for row in rows) + "\n", encoding="ascii")

    def crm(*words: object, input: str | None = None) -> object:
        return segctl(*words, store=store_url, input=input)

    report = imported(
        crm,
        *("events", "import", file, "--set", "name=purchase", "--map", "date=occurred_at"),
        *("--date-format", "%Y%m%d", "--map", "number_of_cds=cds", "--map", "dollar_value=amount"),
        *("--relate", "contact=customer_id", "--on-missing-relation", "create"),
        "--create-attributes",
    )
    # Rows that repeat another one exactly are purchases of their own.
    assert (report["rows"], report["created"]) == (69659, 69659)

    purchases: dict[str, list[tuple[str, int, float]]] = defaultdict(list)
    for customer, day, number, amount in rows[1:]:
        purchases[customer].append((day, int(number), float(amount)))
    each = list(purchases.values())
    assert len(each) == 23570

    found = counts(
        crm,
        "contact",
        {
            "Everybody": 'event "purchase"',
            "Once": 'event "purchase" exactly 1 times',
            "Ten times": 'event "purchase" at least 10 times',
            "Spent 100 at once": 'event "purchase" where amount >= 100',
            "Large and often": 'event "purchase" where (amount > 50 and cds >= 3) at least 3 times',
            "Got one for nothing": 'event "purchase" where amount = 0',
            "Since 1998": 'event "purchase" after 1997-12-31',
            "Stopped": 'last event "purchase" before 1997-07-01',
            "Came back": (
                'no event "purchase" between 1997-04-01 and 1997-12-31 and event "purchase" '
                "between 1998-01-01 and 1998-06-30"
            ),
            "Began with many": 'first event "purchase" with (cds >= 10)',
            "Spent 1,000": 'sum(events.amount where name = "purchase") > 1000',
            "At most two in spring": (
                'event "purchase" at most 2 times between 1998-03-01 and 1998-05-31'
            ),
            "Average over 50": "avg(events.amount) > 50",
        },
    )
    assert found == {
        "Everybody": 23570,
        "Once": how_many(each, lambda p: len(p) == 1),
        "Ten times": how_many(each, lambda p: len(p) >= 10),
        "Spent 100 at once": how_many(each, lambda p: any(a >= 100 for _, _, a in p)),
        "Large and often": how_many(
            each, lambda p: how_many(p, lambda one: one[2] > 50 and one[1] >= 3) >= 3
        ),
        "Got one for nothing": how_many(each, lambda p: any(a == 0 for _, _, a in p)),
        "Since 1998": how_many(each, lambda p: any(day > "19971231" for day, _, _ in p)),
        "Stopped": how_many(each, lambda p: max(day for day, _, _ in p) < "19970701"),
        "Came back": how_many(
            each,
            lambda p: (
                not any("19970401" <= day <= "19971231" for day, _, _ in p)
                and any(day >= "19980101" for day, _, _ in p)
            ),
        ),
        # Of several purchases on the first day, the one that stands first in the file.
        "Began with many": how_many(each, lambda p: min(p, key=lambda one: one[0])[1] >= 10),
        "Spent 1,000": how_many(each, lambda p: round(sum(a for _, _, a in p), 6) > 1000),
        "At most two in spring": how_many(
            each,
            lambda p: how_many(p, lambda one: "19980301" <= one[0] <= "19980531") <= 2,
        ),
        "Average over 50": how_many(
            each, lambda p: round(sum(a for _, _, a in p) / len(p), 6) > 50
        ),
    }
