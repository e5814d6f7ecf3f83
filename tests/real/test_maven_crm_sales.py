"""A sales pipeline of 8,800 deals, with the dirt its authors left in."""

from pathlib import Path

import pytest

from tests.real.loading import Row, Segctl, counts, how_many, imported, members, read

DEAL_WORDS = (
    *("--id", "opportunity_id", "--map", "sales_agent=assignee", "--map", "close_value=value"),
    *("--map", "deal_stage=stage", "--map", "deal_stage=status"),
    *("--value-map", "status", "Won=won", "--value-map", "status", "Lost=lost"),
    *("--value-map", "status", "Engaging=in_progress"),
    *("--value-map", "status", "Prospecting=in_progress"),
    *("--relate", "company=account", "--relate", "products=product", "--create-attributes"),
)


@pytest.fixture
def data(shared_data: Path) -> Path:
    return shared_data / "maven_crm_sales"


@pytest.fixture
def deals(data: Path) -> list[Row]:
    return read(data / "sales_pipeline.csv")


@pytest.fixture
def crm(segctl: Segctl, store_url: str, data: Path) -> Segctl:
    """The command line on a store that holds the companies and products."""

    def call(*words: object, input: str | None = None) -> object:
        return segctl(*words, store=store_url, input=input)

    accounts = imported(
        call,
        *("records", "import", "company", data / "accounts.csv", "--id", "account"),
        *("--map", "account=name", "--map", "sector=industry", "--map", "employees=size"),
        *("--map", "office_location=country", "--create-attributes"),
    )
    assert (accounts["rows"], accounts["created"]) == (85, 85)
    goods = imported(
        call,
        *("records", "import", "product", data / "products.csv", "--id", "product"),
        *("--map", "product=name", "--map", "series=category", "--map", "sales_price=price"),
    )
    assert (goods["rows"], goods["created"]) == (7, 7)
    return call


def test_deals_of_an_unknown_product_are_rejected_and_named(
    crm: Segctl, data: Path, deals: list[Row], tmp_path: Path
) -> None:
    rejects = tmp_path / "rejects.csv"
    result = crm(
        *("records", "import", "deal", data / "sales_pipeline.csv", *DEAL_WORDS),
        *("--on-error", "skip", "--rejects", rejects, "-o", "json"),
    )
    assert result.code == 3
    report = result.json
    assert (report["rows"], report["created"], report["rejected"]) == (8800, 7320, 1480)
    refused = read(rejects)
    unknown = {row["opportunity_id"] for row in deals if row["product"] == "GTXPro"}
    assert len(refused) == len(unknown) == 1480
    assert all("GTXPro" in str(row) for row in refused)


def test_a_stopped_import_leaves_nothing(crm: Segctl, data: Path) -> None:
    result = crm("records", "import", "deal", data / "sales_pipeline.csv", *DEAL_WORDS)
    assert result.code == 2
    assert "GTXPro" in result.stderr
    assert crm("records", "list", "deal", "-o", "count").ok().stdout.strip() == "0"


def test_a_value_map_mends_the_dirt(crm: Segctl, data: Path) -> None:
    words = ("records", "import", "deal", data / "sales_pipeline.csv", *DEAL_WORDS)
    crm(*words, "--on-error", "skip")
    report = imported(crm, *words, "--value-map", "products", "GTXPro=GTX Pro")
    assert (report["unchanged"], report["created"], report["rejected"]) == (7320, 1480, 0)


def test_segments_have_the_counts_of_the_file(crm: Segctl, data: Path, deals: list[Row]) -> None:
    report = imported(
        crm,
        *("records", "import", "deal", data / "sales_pipeline.csv", *DEAL_WORDS),
        *("--on-missing-relation", "null"),
    )
    assert report["created"] == 8800
    won = [deal for deal in deals if deal["deal_stage"] == "Won"]
    assert len(won) == 4238
    assert sum(int(deal["close_value"]) for deal in won) == 10_005_534
    accounts = {row["account"]: row for row in read(data / "accounts.csv")}
    products = {row["product"]: row for row in read(data / "products.csv")}

    found = counts(
        crm,
        "deal",
        {
            "Won": 'status = "won"',
            "Open without account": 'status = "in_progress" and company is empty',
            "Never engaged": 'stage = "Prospecting" and engage_date is empty',
            "Won in the last quarter": (
                'status = "won" and close_date between 2017-10-01 and 2017-12-31'
            ),
            "Large": "value > 5000",
            "Product unknown": "no products",
            "GTX family": 'any products (category = "GTX") and status = "won"',
            "Abroad": 'status = "won" and company.country != "United States"',
            "Lost by two": 'status = "lost" and assignee in ("Darcel Schlecht", "Vicki Laflamme")',
        },
    )
    assert found == {
        "Won": 4238,
        "Open without account": 1425,
        "Never engaged": 500,
        "Won in the last quarter": how_many(won, lambda d: d["close_date"] >= "2017-10-01"),
        "Large": how_many(deals, lambda d: float(d["close_value"] or 0) > 5000),
        "Product unknown": 1480,
        "GTX family": how_many(
            won, lambda d: products.get(d["product"], {}).get("series") == "GTX"
        ),
        "Abroad": how_many(
            won, lambda d: accounts[d["account"]]["office_location"] != "United States"
        ),
        "Lost by two": how_many(
            deals,
            lambda d: (
                d["deal_stage"] == "Lost"
                and d["sales_agent"] in ("Darcel Schlecht", "Vicki Laflamme")
            ),
        ),
    }
    values = [float(row["value"]) for row in members(crm, "Won", "value")]
    assert sum(values) == 10_005_534

    by_account: dict[str, list[Row]] = {name: [] for name in accounts}
    for deal in deals:
        if deal["account"]:
            by_account[deal["account"]].append(deal)

    def won_values(name: str) -> list[int]:
        return [int(d["close_value"]) for d in by_account[name] if d["deal_stage"] == "Won"]

    assert counts(
        crm,
        "company",
        {
            "Misspelt sector": 'industry = "technolgy" and size >= 1000',
            "Bought for 150,000": 'sum(deals.value where status = "won") > 150000',
            "Lost 35 times": 'count(deals where status = "lost") >= 35',
            "Large average": 'avg(deals.value where status = "won") >= 2500',
            "Subsidiaries": "subsidiary_of is set",
            "Lower case": 'name = "DAMBASE" ignoring case',
            "Old and quiet": (
                "year_established < 1990 and no deals"
                ' (status = "in_progress" and engage_date after 2017-10-31)'
            ),
        },
    ) == {
        "Misspelt sector": how_many(
            accounts.values(),
            lambda a: a["sector"] == "technolgy" and int(a["employees"]) >= 1000,
        ),
        "Bought for 150,000": how_many(accounts, lambda name: sum(won_values(name)) > 150_000),
        "Lost 35 times": how_many(
            accounts,
            lambda name: how_many(by_account[name], lambda d: d["deal_stage"] == "Lost") >= 35,
        ),
        "Large average": how_many(
            accounts, lambda name: sum(won_values(name)) >= 2500 * len(won_values(name)) > 0
        ),
        "Subsidiaries": 15,
        "Lower case": 1,
        "Old and quiet": how_many(
            accounts.values(),
            lambda a: (
                int(a["year_established"]) < 1990
                and not any(
                    d["deal_stage"] in ("Engaging", "Prospecting")
                    and d["engage_date"] > "2017-10-31"
                    for d in by_account[a["account"]]
                )
            ),
        ),
    }

    assert counts(
        crm,
        "product",
        {
            "Best sellers": 'count(deals where status = "won") >= 700',
            "Mid price": "price between 500 and 5000",
            "Nobody's": "no deals",
        },
    ) == {
        "Best sellers": how_many(
            products, lambda name: how_many(won, lambda d: d["product"] == name) >= 700
        ),
        "Mid price": how_many(products.values(), lambda p: 500 <= float(p["sales_price"]) <= 5000),
        "Nobody's": 1,
    }
    assert [row["external_id"] for row in members(crm, "Nobody's", "external_id")] == ["GTX Pro"]
