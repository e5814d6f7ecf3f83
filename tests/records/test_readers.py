"""Files as rows, whatever their format: places, what is broken, what cannot be read at all."""

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from segctl.catalog import ObjectType
from segctl.errors import FileError, UsageError
from segctl.services.imports.chunks import CHUNK
from segctl.services.imports.options import FileFormat, ImportOptions
from segctl.services.imports.readers import reader
from segctl.services.imports.sources import source
from segctl.store.writing import KEEP
from tests.records.loading import written

Rows = list[tuple[int, list[Any]]]


def read(path: Path | str, **options: Any) -> tuple[tuple[str, ...], Rows, list[tuple[int, str]]]:
    """The columns, (place, cells) of the rows, (place, reason) of the broken ones."""
    wanted = ImportOptions(ObjectType.CONTACT, str(path), **options)
    rows: Rows = []
    broken: list[tuple[int, str]] = []
    with source(wanted) as opened:
        found = reader(opened, wanted)
        for chunk in found.chunks():
            rows += [(n, list(row)) for n, row in zip(chunk.lines, chunk.rows, strict=True)]
            broken += [(one.rejection.line, one.rejection.reason) for one in chunk.broken]
        return found.columns, rows, broken


# ---------------------------------------------------------------- CSV


def test_a_row_is_placed_at_the_physical_line_where_it_starts(tmp_path: Path) -> None:
    path = written(tmp_path, 'a,b\n1,"x\ny\nz"\n\n2,y\n')
    assert read(path) == (("a", "b"), [(2, ["1", "x\ny\nz"]), (6, ["2", "y"])], [])


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_of_unix_and_windows(tmp_path: Path, end: str) -> None:
    path = written(tmp_path, end.join(["a,b", '1,"x', 'y"', "2,z"]))
    assert read(path)[1] == [(2, ["1", f"x{end}y"]), (4, ["2", "z"])]


def test_line_ends_of_an_old_mac(tmp_path: Path) -> None:
    assert read(written(tmp_path, "a,b\r1,x\r2,y\r"))[1] == [(2, ["1", "x"]), (3, ["2", "y"])]


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path: Path) -> None:
    assert read(written(tmp_path, b"\xef\xbb\xbfa,b\n1,2\n"))[0] == ("a", "b")


@pytest.mark.parametrize(
    "encoding", ["utf-8", "latin-1", "cp1252", "utf-16", "utf-16-le", "utf-32"]
)
def test_other_encodings(tmp_path: Path, encoding: str) -> None:
    path = written(tmp_path, "a,b\n1,ça\n2,é\n".encode(encoding))
    assert read(path, encoding=encoding)[1] == [(2, ["1", "ça"]), (3, ["2", "é"])]


def test_utf_16_without_saying_so_is_refused_with_the_option(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="is UTF-16, not UTF-8") as caught:
        read(written(tmp_path, "a,b\n".encode("utf-16")))
    assert caught.value.hint == "--encoding utf-16"


def test_damaged_utf_16_names_the_byte(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b\nx,".encode("utf-16") + b"\x00\xd8" + "y\n".encode("utf-16-le"))
    with pytest.raises(FileError, match="byte 15 does not fit"):
        read(path, encoding="utf-16")


def test_an_unknown_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match='no encoding "klingon"'):
        read(written(tmp_path, "a\n"), encoding="klingon")


def test_a_header_that_does_not_decode_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="byte 0xE9, which is not UTF-8"):
        read(written(tmp_path, b"caf\xe9,b\n1,2\n"))


def test_other_delimiters(tmp_path: Path) -> None:
    assert read(written(tmp_path, "a;b\n1;2\n"), delimiter=";")[1] == [(2, ["1", "2"])]
    assert read(written(tmp_path, "a\tb\n1\t2\n"), delimiter="tab")[1] == [(2, ["1", "2"])]
    assert read(written(tmp_path, "a\tb\n1\t2\n", "x.tsv"))[1] == [(2, ["1", "2"])]


@pytest.mark.parametrize("bad", ["", ";;", '"', "\n"])
def test_a_bad_delimiter_is_refused(tmp_path: Path, bad: str) -> None:
    with pytest.raises(UsageError, match="one character"):
        read(written(tmp_path, "a\n1\n"), delimiter=bad)


def test_a_header_can_be_given(tmp_path: Path) -> None:
    found = read(written(tmp_path, "1,2\n3,4\n"), header=("a", "b"))
    assert found == (("a", "b"), [(1, ["1", "2"]), (2, ["3", "4"])], [])


def test_header_names_are_trimmed_and_empty_ones_numbered(tmp_path: Path) -> None:
    assert read(written(tmp_path, " a ,,\n"))[0] == ("a", "column 2", "column 3")


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match='two columns called "a"'):
        read(written(tmp_path, "a,b,a\n"))


def test_too_many_columns_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="more than 2,000"):
        read(written(tmp_path, ",".join(f"c{n}" for n in range(2001)) + "\n"))


def test_an_empty_file_is_refused_but_one_with_only_a_header_is_not(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="is empty"):
        read(written(tmp_path, ""))
    assert read(written(tmp_path, "a,b\n")) == (("a", "b"), [], [])


def test_rows_of_another_width_are_broken(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b\n1\n2,x\n3,y,z\n")
    assert read(path)[1:] == (
        [(3, ["2", "x"])],
        [(2, "the row has 1 field, the header 2"), (4, "the row has 3 fields, the header 2")],
    )


def test_text_after_a_closing_quote_breaks_its_row_only(tmp_path: Path) -> None:
    path = written(tmp_path, 'a,b\n0,w\n1,"x"y\n2,z\n')
    assert read(path)[1:] == (
        [(2, ["0", "w"]), (4, ["2", "z"])],
        [(3, "there is more text after a closing quote")],
    )


def test_a_quote_that_is_never_closed_breaks_the_rest(tmp_path: Path) -> None:
    path = written(tmp_path, 'a,b\n0,w\n1,"x\n2,z\n')
    assert read(path)[1:] == (
        [(2, ["0", "w"])],
        [(3, "a quote is opened in this row and never closed")],
    )


def test_a_header_with_broken_quotes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="line 1: there is more text after a closing quote"):
        read(written(tmp_path, '"a"b,c\n'))


def test_a_bare_carriage_return_breaks_its_row_only(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b\n1,x\ry\n2,z\n")
    assert read(path)[1:] == (
        [(3, ["2", "z"])],
        [(2, "a bare carriage return stands outside quotes")],
    )


def test_a_huge_field_ends_the_reading(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="starts at line 3 is longer than 10,000,000"):
        read(written(tmp_path, "a,b\n1,2\n3," + "x" * 10_000_001 + "\n"))


def test_rows_keep_their_places_over_chunks(tmp_path: Path) -> None:
    text = "a,b\n" + "".join(f'{n},"x\n{n}"\n' for n in range(CHUNK + 5))
    rows = read(written(tmp_path, text))[1]
    assert [place for place, _ in rows] == [2 + 2 * n for n in range(CHUNK + 5)]
    assert [row[0] for _, row in rows] == [str(n) for n in range(CHUNK + 5)]


def test_many_broken_rows_do_not_gather_in_memory(tmp_path: Path) -> None:
    text = "a,b\n" + "1\n" * (2 * CHUNK)
    assert len(read(written(tmp_path, text))[2]) == 2 * CHUNK


# ---------------------------------------------------------------- JSON


def test_ndjson_has_the_keys_of_all_objects_as_columns(tmp_path: Path) -> None:
    path = written(tmp_path, '{"a": 1}\n\n{"b": [1, 2], "a": null}\n', "x.ndjson")
    assert read(path)[:2] == (("a", "b"), [(1, [1, KEEP]), (3, [None, [1, 2]])])


def test_nested_objects_are_flattened(tmp_path: Path) -> None:
    path = written(tmp_path, '{"a": {"b": {"c": 1}, "d": 2}, "e": 3}\n', "x.ndjson")
    columns, rows, _ = read(path)
    assert dict(zip(columns, rows[0][1], strict=True)) == {"a_b_c": 1, "a_d": 2, "e": 3}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"a": 1', "it is not JSON"),
        ("[1]", "is not an object"),
        ("12", "is not an object"),
        ('{"a": NaN}', "NaN is not a JSON value"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 50 + "1" + "}" * 50, "nested too deeply"),
    ],
)
def test_a_broken_line_of_ndjson_breaks_itself_only(tmp_path: Path, line: str, reason: str) -> None:
    _, rows, broken = read(written(tmp_path, f'{{"a": 1}}\n{line}\n{{"a": 2}}\n', "x.jsonl"))
    assert rows == [(1, [1]), (3, [2])]
    assert [place for place, _ in broken] == [2]
    assert reason in broken[0][1]


def test_a_json_array_is_read_row_by_row(tmp_path: Path) -> None:
    text = json.dumps([{"a": n, "b": {"c": 1.5}} for n in range(3)], indent=2)
    found = read(written(tmp_path, text, "x.json"))
    assert found == (("a", "b_c"), [(n + 1, [n, 1.5]) for n in range(3)], [])


def test_an_array_inside_an_object_is_found_by_its_path(tmp_path: Path) -> None:
    path = written(tmp_path, '{"data": {"rows": [{"a": 1}]}, "more": []}', "x.json")
    assert read(path, json_path="data.rows")[1] == [(1, [1])]
    with pytest.raises(FileError, match="not a JSON array") as caught:
        read(path)
    assert "--json-path" in str(caught.value.hint)
    with pytest.raises(FileError, match='no array "nowhere"'):
        read(path, json_path="nowhere")


def test_something_else_in_a_json_array_is_a_broken_row(tmp_path: Path) -> None:
    _, rows, broken = read(written(tmp_path, '[{"a": 1}, 5, {"a": 2}]', "x.json"))
    assert rows == [(1, [1]), (3, [2])]
    assert broken == [(2, "5 is not an object")]


@pytest.mark.parametrize("text", ['[{"a": 1}, {"a"', "[{]", '[{"a": 1}] x'])
def test_a_broken_json_array_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(FileError, match="it is not JSON"):
        read(written(tmp_path, text, "x.json"))


def test_too_many_different_keys_are_refused(tmp_path: Path) -> None:
    text = "".join(json.dumps({f"k{n}": 1}) + "\n" for n in range(2001))
    with pytest.raises(FileError, match="line 2001: the objects have more than 2,000"):
        read(written(tmp_path, text, "x.ndjson"))


# ---------------------------------------------------------------- Parquet


def parquet(folder: Path, table: Any) -> Path:
    path = folder / "x.parquet"
    pyarrow.parquet.write_table(table, path)
    return path


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    table = pyarrow.table({"a": [1, None], "b": [["x", "y"], []], "c": [{"d": 1.5}, None]})
    found = read(parquet(tmp_path, table))
    assert found == (("a", "b", "c_d"), [(1, [1, ["x", "y"], 1.5]), (2, [None, [], None])], [])


def test_nanoseconds_of_parquet_are_cut(tmp_path: Path) -> None:
    array = pyarrow.array([1_700_000_000_123_456_789], pyarrow.timestamp("ns", "UTC"))
    rows = read(parquet(tmp_path, pyarrow.table({"t": array})))[1]
    assert rows[0][1][0].isoformat() == "2023-11-14T22:13:20.123456+00:00"


def test_parquet_with_columns_of_one_name_is_refused(tmp_path: Path) -> None:
    table = pyarrow.table({"a_b": [1], "a": [{"b": 2}]})
    with pytest.raises(FileError, match="two columns of the same name"):
        read(parquet(tmp_path, table))


def test_parquet_with_too_many_columns_is_refused(tmp_path: Path) -> None:
    table = pyarrow.table({f"c{n}": [1] for n in range(2001)})
    with pytest.raises(FileError, match="more than 2,000"):
        read(parquet(tmp_path, table))


def test_a_damaged_parquet_file_is_refused(tmp_path: Path) -> None:
    table = pyarrow.table({"a": [str(n * 7919) for n in range(20_000)]})
    path = parquet(tmp_path, table)
    data = path.read_bytes()
    path.write_bytes(data[:200] + b"x" * 20_000 + data[20_200:])
    with pytest.raises(FileError, match="it is damaged"):
        read(path)


def test_what_is_no_parquet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="is not a Parquet file"):
        read(written(tmp_path, b"PAR1 but nothing else", "x.parquet"))


def test_parquet_without_pyarrow_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = parquet(tmp_path, pyarrow.table({"a": [1]}))
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(UsageError, match="needs the package pyarrow") as caught:
        read(path)
    assert caught.value.hint == 'pip install "segctl[parquet]"'


# ---------------------------------------------------------------- any file


def test_a_compressed_file_is_unpacked(tmp_path: Path) -> None:
    path = written(tmp_path, gzip.compress(b"a\tb\n1\t2\n"), "x.tsv.gz")
    assert read(path)[1] == [(2, ["1", "2"])]


@pytest.mark.parametrize("damage", [slice(0, -10), slice(0, 20)])
def test_a_truncated_compressed_file_is_refused(tmp_path: Path, damage: slice) -> None:
    packed = gzip.compress(b"a,b\n" + b"1,2\n" * 100_000)
    with pytest.raises(FileError, match="the compressed file is damaged"):
        read(written(tmp_path, packed[damage], "x.csv.gz"))


def test_standard_input_can_be_read_twice() -> None:
    text = io.BytesIO(b'{"a": 1}\n{"b": 2}\n')
    assert read("-", stdin=text)[:2] == (("a", "b"), [(1, [1, KEEP]), (2, [KEEP, 2])])


def test_there_may_be_no_standard_input() -> None:
    with pytest.raises(FileError, match="no standard input"):
        read("-")


def test_ndjson_is_read_in_chunks(tmp_path: Path) -> None:
    text = "".join(f'{{"a": {n}}}\n' for n in range(CHUNK + 1))
    assert len(read(written(tmp_path, text, "x.ndjson"))[1]) == CHUNK + 1


@pytest.mark.parametrize(
    ("head", "columns"), [(b'[{"a": 1}]', ("a",)), (b"a,b\n", ("a", "b")), (b'{"c": 1}', ("c",))]
)
def test_the_content_tells_the_format_where_the_name_does_not(
    head: bytes, columns: tuple[str, ...]
) -> None:
    assert read("-", stdin=io.BytesIO(head))[0] == columns


def test_the_format_can_be_said(tmp_path: Path) -> None:
    path = written(tmp_path, '{"a": 1}\n', "x.csv")
    assert read(path, format=FileFormat.NDJSON)[0] == ("a",)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"cannot read .*nowhere\.csv: there is no such file"):
        read(tmp_path / "nowhere.csv")


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="it is a directory"):
        read(tmp_path)
