"""What each format writes. The golden files are what people and programs read."""

import csv
import datetime as dt
import io
import json
import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
import pytest

from segctl.cli import context, output, tables
from segctl.cli.cells import ago, cell, instant, number, seconds, visible
from segctl.cli.output import Column, Format
from tests.conftest import NOW

GOLDEN = Path(__file__).parent / "golden"
WARSAW = dt.timezone(dt.timedelta(hours=1))

COLUMNS = (
    Column("id", "Id", justify="right"),
    Column("name", "Name"),
    Column("count", "Count", kind="number", empty="—"),
    Column("counted", "Last Counted", kind="time", empty="never"),
    Column("due", "Due"),
    Column("heavy", "Too Heavy", kind="bool"),
    Column("took", "Took", kind="seconds"),
    Column("tags", "Tags", kind="list"),
)
ROWS = (
    {
        "id": 12000,
        "name": "Big open deals",
        "count": 1234567,
        "counted": NOW - dt.timedelta(hours=3),
        "due": dt.date(2026, 4, 1),
        "heavy": False,
        "took": 0.25,
        "tags": ["vip", "b2b"],
        "more": {"at": NOW, "days": dt.timedelta(days=1)},
    },
    {
        "id": 2,
        "name": 'Żółw, "日本"\n\x1b[31mred\x1b[0m [bold]x[/bold] \u202eevil',
        "count": None,
        "counted": None,
        "due": None,
        "heavy": True,
        "took": 75.0,
        "tags": [],
        "more": None,
    },
    {
        "id": 3,
        "name": "A name that is long enough to need more than one line in a narrow table",
        "count": 0,
        "counted": NOW - dt.timedelta(days=400, microseconds=1),
        "due": dt.date(2026, 4, 1),
        "heavy": False,
        "took": 59.99,
        "tags": ["=cmd"],
        "more": 1.5,
    },
)


@pytest.fixture(autouse=True)
def new_call(clean_environment):
    context.begin()


def shown(capsys, format, rows=ROWS, columns=COLUMNS):
    output.show(rows, columns, format, zone=WARSAW, now=NOW)
    return capsys.readouterr().out


def assert_golden(name, text):
    path = GOLDEN / name
    if os.environ.get("SEGCTL_TEST_UPDATE_GOLDEN"):
        path.write_bytes(text.encode())
    assert text == path.read_bytes().decode()


# ---------------------------------------------------------------- formats


@pytest.mark.parametrize("format", Format)
def test_each_format_writes_its_golden_file(capsys, format):
    assert_golden(f"show.{format}", shown(capsys, format))


@pytest.mark.parametrize("format", Format)
def test_each_format_says_that_there_is_nothing(capsys, format):
    assert_golden(f"nothing.{format}", shown(capsys, format, rows=()))


@pytest.mark.parametrize("columns", [80, 120])
def test_a_table_fits_the_width_of_the_terminal(capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    text = shown(capsys, Format.TABLE)
    assert_golden(f"show-{columns}.table", text)
    assert max(map(tables.cell_len, text.splitlines())) <= columns


def test_one_thing_is_a_line_for_each_of_its_values(capsys):
    output.show_one(ROWS[0], COLUMNS, Format.TABLE, zone=WARSAW, now=NOW)
    assert_golden("one.table", capsys.readouterr().out)


def test_one_thing_is_one_json_object(capsys):
    output.show_one(ROWS[0], COLUMNS, Format.JSON)
    assert json.loads(capsys.readouterr().out) == {
        **ROWS[0],
        "counted": "2026-03-15T09:00:00Z",
        "due": "2026-04-01",
        "more": {"at": "2026-03-15T12:00:00Z", "days": 86400.0},
    }


def test_show_says_how_many_rows_there_were(capsys):
    for format in Format:
        assert output.show(ROWS, COLUMNS, format) == len(ROWS)


def test_ids_are_the_first_column_where_rows_have_none(capsys):
    columns = (Column("key", "Key"), Column("value", "Value"))
    assert shown(capsys, Format.IDS, [{"key": "a", "value": 1}], columns) == "a\n"


def test_json_is_written_while_the_rows_come(capsys):
    seen = []

    def rows():
        yield {"id": 1}
        seen.append(capsys.readouterr().out)
        yield {"id": 2}

    for format in (Format.JSON, Format.NDJSON, Format.CSV, Format.IDS):
        output.show(rows(), (Column("id", "Id"),), format)
        assert "1" in seen.pop()


def test_a_long_table_is_written_while_the_rows_come(capsys):
    seen = []

    def rows():
        for id in range(tables.CHUNK + 2):
            if id == tables.CHUNK + 1:
                seen.append(capsys.readouterr().out)
            yield {"id": id}

    output.show(rows(), (Column("id", "Id"),), Format.TABLE)
    assert len(seen[0].splitlines()) > tables.CHUNK


def test_a_row_after_the_first_ones_wraps_into_their_widths(capsys):
    rows = [{"name": "short name"}] * tables.CHUNK + [{"name": "a much longer name"}]
    last = shown(capsys, Format.TABLE, rows, (Column("name", "Name"),)).splitlines()[-3:]
    assert last == ["a much", "longer", "name"]


# ---------------------------------------------------------------- hostile text

NASTY = st.text(
    st.characters(codec=None, exclude_categories=())
    | st.sampled_from("\x00\x07\x08\x1b\x7f\x9b\r\n\t\u2028\u202e\u2066[]")
)


@given(NASTY)
def test_nothing_in_a_name_steers_the_terminal(name):
    text = cell(name, Column("name", "Name"), WARSAW, NOW)
    assert not any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 for c in text)
    assert not any(c in "\u2028\u2029\u202e\u2066" or 0xD800 <= ord(c) < 0xE000 for c in text)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1))
def test_csv_is_read_back_as_it_was(values):
    columns = [Column(f"c{index}", "") for index in range(len(values))]
    row = {column.key: value for column, value in zip(columns, values, strict=True)}
    stream = io.StringIO(newline="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", stream)
        output.show([row], columns, Format.CSV)
    assert list(csv.reader(io.StringIO(stream.getvalue(), newline="")))[1] == values


@given(st.text(st.characters(codec=None)), st.integers(6, 30))
def test_wrapped_text_keeps_its_width_and_its_characters(text, width):
    shown = visible(text)
    pieces = tables._wrap(shown, width)
    assert all(tables.cell_len(piece) <= width for piece in pieces)
    assert "".join(pieces).replace(" ", "") == shown.replace(" ", "")


def test_ordinary_text_of_all_scripts_is_shown_as_it_is():
    for text in ("Żółw", "日本語", "🙂", "[bold]x[/bold]", "a\u0301"):
        assert visible(text) == text


# ---------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("difference", "text"),
    [
        (dt.timedelta(), "just now"),
        (dt.timedelta(milliseconds=900), "just now"),
        (dt.timedelta(seconds=59), "59 s ago"),
        (dt.timedelta(seconds=60), "1 min ago"),
        (dt.timedelta(hours=3, minutes=59), "3 h ago"),
        (dt.timedelta(hours=47), "47 h ago"),
        (dt.timedelta(days=2), "2 d ago"),
        (dt.timedelta(days=61), "2 mo ago"),
        (dt.timedelta(days=731), "2 y ago"),
        (dt.timedelta(days=-2), "in 2 d"),
        (dt.timedelta(seconds=-30), "in 30 s"),
    ],
)
def test_a_time_is_so_long_ago(difference, text):
    assert ago(NOW - difference, NOW) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0004, "0 ms"), (0.25, "250 ms"), (0.9996, "1.0 s"), (4.23, "4.2 s"), (59.96, "1 min 0 s"),
     (200, "3 min 20 s"), (7500, "2 h 5 min")],
)  # fmt: skip
def test_a_duration_has_the_unit_that_fits(value, text):
    assert seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1234567, "1,234,567"), (-1234.5, "-1,234.5"), (10005534.0, "10,005,534"),
     (0.1, "0.1"), (2**53, "9,007,199,254,740,992")],
)  # fmt: skip
def test_a_number_has_separators_and_no_needless_digits(value, text):
    assert number(value) == text


@pytest.mark.parametrize("moment", [dt.datetime.min, dt.datetime.max])
def test_the_ends_of_the_calendar_are_shown(moment):
    column = Column("at", "At", kind="time")
    zone = dt.timezone(dt.timedelta(hours=-5 if moment.year == 1 else 5))
    assert str(moment.year).rjust(4, "0") in cell(moment.replace(tzinfo=dt.UTC), column, zone, NOW)


def test_machine_formats_give_instants_in_utc():
    assert instant(dt.datetime(2026, 1, 31, 11, tzinfo=WARSAW)) == "2026-01-31T10:00:00Z"
    moment = dt.datetime(2026, 1, 31, 11, 0, 0, 500, tzinfo=WARSAW)
    assert instant(moment) == "2026-01-31T10:00:00.000500Z"
