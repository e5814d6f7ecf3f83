"""`segctl conditions check`."""

import datetime as dt

import pytest

from segctl.catalog import Attribute, ObjectType, ValueType

DEAL = 'status="won"   and  value>5000'
CANONICAL = 'status = "won" and value > 5000\n'


def test_a_condition_is_printed_in_its_canonical_form(segctl):
    result = segctl("conditions", "check", DEAL, "--type", "deal").ok()
    assert result.stdout == CANONICAL


def test_without_a_store_the_standard_attributes_are_known_and_it_says_so(segctl):
    result = segctl("conditions", "check", 'in segment "Any"', "--type", "deal").ok()
    assert "only the standard attributes are known" in result.stderr
    assert result.stdout == 'in segment "Any"\n'


def test_without_a_type_it_is_checked_for_all_of_them(segctl):
    result = segctl("conditions", "check", DEAL).ok()
    assert result.stdout == CANONICAL
    assert result.stderr.splitlines()[-1] == "a condition of deal"


def test_a_condition_of_no_type_is_told_by_the_reading_that_got_farthest(segctl):
    result = segctl("conditions", "check", 'status = "won" and company.industri = "x"')
    assert result.code == 2
    assert result.stderr.endswith(
        'segctl: error: unknown attribute "industri" of company\n'
        '  status = "won" and company.industri = "x"\n'
        "                             ^^^^^^^^\n"
        'hint: did you mean "industry"?\n'
    )


def test_a_condition_is_read_from_a_file(segctl, tmp_path):
    file = tmp_path / "won.txt"
    file.write_bytes(b"\xef\xbb\xbf" + DEAL.replace(" and ", "\r\n# why\r\nand ").encode())
    assert segctl("conditions", "check", "--file", file).ok().stdout == CANONICAL


@pytest.mark.parametrize("words", [(), ("-",), ("--file", "-")])
def test_a_condition_is_read_from_standard_input(segctl, words):
    assert segctl("conditions", "check", *words, input=DEAL + "\n").ok().stdout == CANONICAL


def test_json_says_what_the_condition_reads(segctl):
    text = (
        'company.industry = "x" and any deals (in segment "Open" and won_at in last 3 days)'
        ' and in segment "VIP"'
    )
    result = segctl("conditions", "check", text, "-o", "json").ok()
    assert result.stderr == ""
    assert result.json == {
        "condition": text,
        "type": "contact",
        "types": ["contact"],
        "attributes": ["company.industry", "deal.won_at"],
        "relations": ["contact.company", "contact.deals"],
        "segments": [
            {"type": "contact", "name": "VIP", "id": None},
            {"type": "deal", "name": "Open", "id": None},
        ],
        "time_forms": True,
        "moves_with_time": True,
        "store": False,
    }


def test_a_bad_condition_is_one_json_object_with_its_place(segctl):
    import json

    result = segctl("conditions", "check", "--type", "deal", 'stats = "won"', "-o", "json")
    assert result.code == 2
    assert result.stdout == ""
    error = json.loads(result.stderr)["error"]
    assert (error["start"], error["end"], error["code"]) == (0, 5, "condition")
    assert error["text"] == 'stats = "won"'


def test_the_attributes_and_segments_of_the_store_are_known(segctl, store):
    from segctl.services import attributes, segments

    now = dt.datetime(2026, 3, 15, tzinfo=dt.UTC)
    custom = Attribute(ObjectType.COMPANY, "sector", ValueType.STRING, (), standard=False)
    attributes.add(store, custom, now=now, actor="test")
    segments.create(
        store, type=ObjectType.COMPANY, name="Big", where="size > 10", now=now, actor="test"
    )
    result = segctl("conditions", "check", 'sector = "x" and in segment "big"', store=store).ok()
    assert result.stdout == 'sector = "x" and in segment "Big"\n'
    refused = segctl("conditions", "check", 'in segment "Bigg"', "--type", "company", store=store)
    assert refused.code == 2
    assert 'hint: did you mean "Big"?' in refused.stderr


def test_a_condition_and_a_file_together_are_refused(segctl):
    result = segctl("conditions", "check", "everything", "--file", "x")
    assert result.code == 2
    assert "give one of the two" in result.stderr


def test_a_file_that_is_not_there_is_told(segctl):
    result = segctl("conditions", "check", "--file", "/nowhere/x")
    assert result.code == 2
    assert "/nowhere/x cannot be read: No such file or directory" in result.stderr


def test_a_file_that_is_not_utf_8_is_told(segctl, tmp_path):
    file = tmp_path / "latin"
    file.write_bytes('city = "Kraków"'.encode("latin-1"))
    result = segctl("conditions", "check", "--file", file)
    assert result.code == 2
    assert "byte 13 is 0xf3" in result.stderr


@pytest.mark.parametrize("text", ["", "   \n", "# nothing"])
def test_an_empty_condition_is_refused(segctl, text):
    result = segctl("conditions", "check", "-", input=text)
    assert result.code == 2
    assert "the condition is empty" in result.stderr


def test_ten_megabytes_of_brackets_are_refused_at_once(segctl):
    result = segctl("conditions", "check", input="(" * 10_000_000)
    assert result.code == 2
    assert "at most 64 KiB" in result.stderr
    assert len(result.stderr) < 1000


def test_noise_is_refused(segctl):
    result = segctl("conditions", "check", input=bytes(range(1, 128)))
    assert result.code == 2
    assert result.stderr.startswith("no store")
