"""The classic trading company: missing values are the four letters NULL, names have accents."""

from collections import defaultdict
import csv
from pathlib import Path

from tests.real.loading import Segctl, counts, how_many, imported, members, read


def with_products(data: Path, file: Path) -> None:
    """The orders with their products in one cell: a line is what the importer calls a record."""
    products = defaultdict(list)
    for line in read(data / "order_details.csv"):
        products[line["orderID"]].append(line["productID"])
    orders = read(data / "orders.csv")
    with file.open("w", newline="", encoding="utf-8") as sink:
        writer = csv.DictWriter(sink, [*orders[0], "products"])
        writer.writeheader()
        for order in orders:
            writer.writerow({**order, "products": ";".join(products[order["orderID"]])})


def test_segments_have_the_counts_of_the_files(
    segctl: Segctl, store_url: str, shared_data: Path, tmp_path: Path
) -> None:
    data = shared_data / "northwind"

    def crm(*words: object, input: str | None = None) -> object:
        return segctl(*words, store=store_url, input=input)

    for file, id, kind in (
        ("customers.csv", "customerID", "customer"),
        ("suppliers.csv", "supplierID", "supplier"),
    ):
        firms = imported(
            crm,
            *("records", "import", "company", data / file, "--id", id, "--null", "NULL"),
            *("--map", "companyName=name", "--map", "region=area", "--map", "fax=fax"),
            *("--set", f"description={kind}", "--ignore", "phone", "--create-attributes"),
        )
        assert firms["created"] == firms["rows"] == {"customer": 91, "supplier": 29}[kind]
    people = imported(
        crm,
        *("records", "import", "contact", data / "customers.csv", "--id", "customerID"),
        *("--map", "contactName=name", "--relate", "company=customerID", "--null", "NULL"),
    )
    assert people["created"] == 91
    groups = {row["categoryID"]: row["categoryName"] for row in read(data / "categories.csv")}
    goods = imported(
        crm,
        *("records", "import", "product", data / "products.csv", "--id", "productID"),
        *("--map", "productName=name", "--map", "unitPrice=price"),
        *("--map", "unitsInStock=quantity", "--map", "categoryID=category"),
        *(
            word
            for id, name in groups.items()
            for word in ("--value-map", "category", f"{id}={name}")
        ),
        *("--map", "discontinued=discontinued", "--create-attributes"),
    )
    assert goods["created"] == 77
    orders_file = tmp_path / "orders.csv"
    with_products(data, orders_file)
    deals = imported(
        crm,
        *("records", "import", "deal", orders_file, "--id", "orderID", "--null", "NULL"),
        *("--map", "freight=value", "--map", "orderDate=ordered_at"),
        *("--map", "shippedDate=shipped_at", "--map", "shipCountry=ship_country"),
        *("--map", "employeeID=assignee", "--relate", "company=customerID"),
        *("--relate", "contact=customerID", "--relate", "products=products"),
        "--create-attributes",
    )
    assert deals["created"] == 830

    orders = read(data / "orders.csv")
    customers = {row["customerID"]: row for row in read(data / "customers.csv")}
    products = {row["productID"]: row for row in read(data / "products.csv")}
    lines = defaultdict(set)
    for line in read(data / "order_details.csv"):
        lines[line["orderID"]].add(line["productID"])
    beverages = {
        p["productID"] for p in products.values() if groups[p["categoryID"]] == "Beverages"
    }
    assert counts(
        crm,
        "deal",
        {
            "Shipped to Germany": 'ship_country = "Germany"',
            "To the USA or Brazil": 'ship_country in ("usa", "brazil") ignoring case',
            "Not shipped": "shipped_at is empty",
            "Heavy freight": "value >= 200",
            "1997": "ordered_at between 1997-01-01 and 1997-12-31",
            "Five products": "count(products) >= 5",
            "With a drink": 'any products (category = "Beverages")',
            "Elsewhere": 'ship_country = "France" and company.country != "France"',
        },
    ) == {
        "Shipped to Germany": 122,
        "To the USA or Brazil": 122 + 83,
        "Not shipped": 21,
        "Heavy freight": how_many(orders, lambda o: float(o["freight"]) >= 200),
        "1997": how_many(orders, lambda o: o["orderDate"].startswith("1997")),
        "Five products": how_many(lines.values(), lambda ids: len(ids) >= 5),
        "With a drink": how_many(lines.values(), lambda ids: ids & beverages),
        "Elsewhere": how_many(
            orders,
            lambda o: (
                o["shipCountry"] == "France" and customers[o["customerID"]]["country"] != "France"
            ),
        ),
    }

    per_customer: dict[str, list[float]] = {id: [] for id in customers}
    for order in orders:
        per_customer[order["customerID"]].append(float(order["freight"]))
    assert counts(
        crm,
        "company",
        {
            "Customers": 'description = "customer"',
            "Without region": 'description = "customer" and area is empty',
            "Never ordered": 'description = "customer" and no deals',
            "Ordered 15 times": "count(deals) >= 15",
            "Freight of 1,000": "sum(deals.value) > 1000",
            "In México D.F.": 'city = "México D.F."',
            "Taquería": 'name contains "TAQUERÍA"',
        },
    ) == {
        "Customers": 91,
        "Without region": 60,
        "Never ordered": 2,
        "Ordered 15 times": how_many(per_customer.values(), lambda paid: len(paid) >= 15),
        "Freight of 1,000": how_many(
            per_customer.values(), lambda paid: round(sum(paid), 6) > 1000
        ),
        "In México D.F.": how_many(customers.values(), lambda c: c["city"] == "México D.F."),
        "Taquería": 1,
    }
    never = {row["external_id"] for row in members(crm, "Never ordered", "external_id")}
    assert never == {"PARIS", "FISSA"}

    sold: dict[str, int] = defaultdict(int)
    for ids in lines.values():
        for id in ids:
            sold[id] += 1
    assert counts(
        crm,
        "product",
        {
            "Discontinued": "discontinued = 1",
            "Out of stock": "quantity = 0 and discontinued != 1",
            "Often ordered": "count(deals) > 45",
        },
    ) == {
        "Discontinued": 8,
        "Out of stock": how_many(
            products.values(), lambda p: p["unitsInStock"] == "0" and p["discontinued"] == "0"
        ),
        "Often ordered": how_many(sold.values(), lambda number: number > 45),
    }
    assert counts(
        crm,
        "contact",
        {"Of German firms": 'company.country = "Germany" and any company.deals (value > 100)'},
    ) == {
        "Of German firms": how_many(
            customers.values(),
            lambda c: (
                c["country"] == "Germany"
                and any(paid > 100 for paid in per_customer[c["customerID"]])
            ),
        )
    }
