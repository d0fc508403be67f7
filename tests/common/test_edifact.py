"""EDIFACT: what is recognised, what is wrong with it, and that one fault is one finding."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from singlewindow import catalogue
from singlewindow.findings import Finding
from singlewindow.messages import edifact, edifact_service
from singlewindow.messages.edifact import Report, is_edifact, judge
from singlewindow.messages.edifact_syntax import MOST_BEFORE
from singlewindow.messages.edifact_tables import is_moment
from tests.support.receipts import syntax_report
from tests.support.thorough import examples

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared/data"
SAMPLES = SHARED / "samples-edifact"
SCHEMAS = SHARED / "schema-edifact"
TABLES = sorted((ROOT / "catalogue/edifact").glob("*.json"))

UNB = "UNB+UNOC:3+SHANGHAI+COSCO+261123:0930+42"
TDT = "TDT+20+031W+1++COS:172:20+++3ERX3:103::COSCO AFRICA"
FTX = "FTX+AAA+++GENERAL CARGO"
BODY = [
    "BGM+98+7+9",
    "DTM+137:20261123:102",
    TDT,
    "LOC+11+ITGOA:139:6",
    "DTM+133:202611232359:203",
    "NAD+CF+COE:172:20",
    "EQD+CN+CSQU3054383+45G1:102:5++3+5",
    "RFF+BN:9000157890",
    "TMD+3",
    "DTM+7:202611230913:203",
    "LOC+9+CNSHA:139:6",
    "MEA+AAE+EGW+KGM:8914.5",
    "SEL+H53175+SH",
    FTX,
    "EQD+CN+MSKU7654328+22G1:102:5++3+5",
    "TMD+3",
    "SEL+H53176+SH",
    "CNT+16:2",
]


def message(*body: str, type: str = "COARRI:D:17A:UN", reference: str = "1") -> list[str]:
    return [f"UNH+{reference}+{type}", *body, f"UNT+{len(body) + 2}+{reference}"]


def interchange(*messages: list[str], unb: str = UNB, encoding: str = "latin-1") -> bytes:
    segments = [unb, *(segment for one in messages for segment in one), f"UNZ+{len(messages)}+42"]
    return "".join(f"{segment}'\n" for segment in segments).encode(encoding)


def with_body(*body: str, type: str = "COARRI:D:17A:UN", unb: str = UNB) -> bytes:
    return interchange(message(*body, type=type), unb=unb)


def changed(old: str, *new: str) -> list[str]:
    """The body with one segment replaced, by none, one or several."""
    assert old in BODY
    at = BODY.index(old)
    return [*BODY[:at], *new, *BODY[at + 1 :]]


def codes(report: Report) -> list[str]:
    return [one.code for one in report.findings]


def only(report: Report) -> Finding:
    assert len(report.findings) == 1, [(one.code, one.message_en) for one in report.findings]
    return report.findings[0]


GOOD = with_body(*BODY)

# --- what it is


@pytest.mark.parametrize(
    "raw",
    [
        GOOD,
        b"UNA:+.? '" + GOOD,
        b"UNA:+.? '\r\n" + GOOD,
        b"\xef\xbb\xbf" + GOOD,
        b"\r\n  " + GOOD,
        b"From: terminal\r\n\r\n" + GOOD,
        b"UNH+1+COARRI:D:95B:UN'",
        b"UNB+UNOA'",
    ],
)
def test_an_interchange_or_a_piece_of_one_is_recognised(raw: bytes) -> None:
    assert is_edifact(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"UN",
        b"<a>UNB+UNOA:1+X'</a>",
        b'{"a": "UNB+UNOA:1+X"}',
        b"UNBELIEVABLE",
        b"ISA*00*",
        b" " * (MOST_BEFORE + 100) + b"x" + GOOD,
    ],
)
def test_what_only_mentions_edifact_is_none(raw: bytes) -> None:
    assert not is_edifact(raw)
    finding = only(judge(raw))
    assert finding.code == "EDI-NOT-EDIFACT" and finding.severity == "error"


def test_a_good_interchange_has_no_findings_and_says_what_it_is() -> None:
    report = judge(GOOD)
    assert report.findings == () and report.valid
    assert report.interchange == edifact.Interchange(
        syntax="UNOC",
        syntax_version="3",
        charset="ISO 8859-1",
        sender="SHANGHAI",
        recipient="COSCO",
        prepared="261123:0930",
        reference="42",
        test=False,
    )
    assert report.messages == (
        edifact.Recognised("COARRI", "D:17A", "UN", "", "1", True, "D:17A", len(BODY) + 2),
    )


def test_the_test_indicator_is_told() -> None:
    report = judge(interchange(message(*BODY), unb=f"{UNB}++++++1"))
    assert report.interchange and report.interchange.test and report.findings == ()


@pytest.mark.parametrize(
    ("una", "raw"),
    [
        ("UNA:+.? '", GOOD),
        ("UNA:+,? '", GOOD),
        ("UNA;*.! ~", GOOD.replace(b":", b";").replace(b"+", b"*").replace(b"'", b"~")),
        ("UNA:+.? \n", GOOD.replace(b"'\n", b"\n")),
        ("UNA:+.  '", GOOD),
    ],
)
def test_the_service_characters_are_those_of_una(una: str, raw: bytes) -> None:
    assert judge(una.encode() + raw).findings == ()


@pytest.mark.parametrize("una", ["UNA::.? '", "UNAA+.? '", "UNA:+.?  "])
def test_service_characters_that_can_not_be_told_apart_are_refused(una: str) -> None:
    assert only(judge(una.encode() + GOOD)).code == "EDI-UNA"


def test_a_released_character_is_text() -> None:
    released = with_body(*changed(FTX, "FTX+AAA+++IT?'S 2?:1 ?+ 3??"))
    assert judge(released).findings == ()
    one_too_long = with_body(*changed("BGM+98+7+9", "BGM+98+7+9?+?+?+"))
    assert only(judge(one_too_long)).given == "9+++"


# --- the envelope


@pytest.mark.parametrize("count", ["19", "21", "0"])
def test_a_wrong_segment_count_is_one_finding_that_can_be_mended(count: str) -> None:
    right = f"UNT+{len(BODY) + 2}+1"
    report = judge(GOOD.replace(right.encode(), f"UNT+{count}+1".encode()))
    finding = only(report)
    assert (finding.code, finding.pointer, finding.element) == ("EDI-COUNT-UNT", "UNH[1]/UNT/0074", "0074")
    assert (finding.given, finding.expected) == (count, "20")
    assert finding.fix == ({"op": "replace", "path": "UNH[1]/UNT/0074", "value": "20"},)


def test_a_wrong_message_count_and_wrong_references_are_told() -> None:
    assert only(judge(GOOD.replace(b"UNZ+1+42", b"UNZ+2+42"))).code == "EDI-COUNT-UNZ"
    finding = only(judge(GOOD.replace(b"UNZ+1+42", b"UNZ+1+43")))
    assert (finding.code, finding.pointer, finding.given, finding.expected) == (
        "EDI-REFERENCE",
        "UNZ/0020",
        "43",
        "42",
    )
    assert only(judge(GOOD.replace(b"UNT+20+1'", b"UNT+20+2'"))).pointer == "UNH[1]/UNT/0062"


def test_several_messages_of_one_interchange_are_each_judged() -> None:
    second = message(*changed("SEL+H53175+SH", "SEL"), type="COARRI:D:95B:UN:ITG13", reference="2")
    raw = interchange(message(*BODY), second, message(*BODY, reference="2"))
    report = judge(raw)
    assert [(one.version, one.association, one.reference) for one in report.messages] == [
        ("D:17A", "", "1"),
        ("D:95B", "ITG13", "2"),
        ("D:17A", "", "2"),
    ]
    # BGM-DTM-TDT is not the order of D.95B, where 9308 is mandatory too.
    assert [(one.code, one.pointer) for one in report.findings if one.pointer.startswith("UNH[3]")] == [
        ("EDI-REFERENCE", "UNH[3]/UNH/0062")
    ]
    assert ("EDI-ELEMENT-MISSING", "UNH[2]/SG3[1]/SEL[1]/9308") in [
        (one.code, one.pointer) for one in report.findings
    ]


def test_functional_groups_are_counted_and_referenced() -> None:
    group = ["UNG+COARRI+SHANGHAI+COSCO+261123:0930+7+UN+D:17A", *message(*BODY), "UNE+1+7"]
    raw = interchange(group)
    assert judge(raw).findings == ()
    assert only(judge(raw.replace(b"UNE+1+7", b"UNE+2+7"))).code == "EDI-COUNT-UNE"
    assert only(judge(raw.replace(b"UNE+1+7", b"UNE+1+8"))).pointer == "UNE/0048"
    lost = only(judge(raw.replace(b"UNE+1+7'\n", b"")))
    assert (lost.code, lost.expected) == ("EDI-SEGMENT-MISSING", "UNE")


def test_a_file_may_hold_several_interchanges() -> None:
    report = judge(GOOD + b"UNA:+.? '" + GOOD)
    assert report.findings == () and report.message_count == 2


@pytest.mark.parametrize(
    ("lost", "pointer"), [("UNT", "UNH[1]/UNT"), ("UNZ", "UNZ"), ("UNB", "UNB"), ("UNH", "BGM#2")]
)
def test_a_lost_envelope_segment_is_told_once(lost: str, pointer: str) -> None:
    raw = re.sub(rf"{lost}[^']*'\n".encode(), b"", GOOD, count=1) + (GOOD if lost == "UNZ" else b"")
    report = judge(raw)
    found = [one for one in report.findings if one.code.startswith("EDI-SEGMENT")]
    assert [one.pointer for one in found] == [pointer]
    # What follows from it by arithmetic is told as well.
    assert set(codes(report)) <= {found[0].code, "EDI-COUNT-UNZ"}


# --- damage


@pytest.mark.parametrize(
    ("before", "count"),
    [(b"\xef\xbb\xbf", 3), (b"\x00\x01\x02", 3), (b"SUBJECT: COARRI\r\n", 17)],
)
def test_stray_bytes_are_told_and_skipped(before: bytes, count: int) -> None:
    finding = only(judge(before + GOOD))
    assert (finding.code, finding.severity) == ("EDI-STRAY", "warn")
    assert str(count) in finding.message_en


@pytest.mark.parametrize("after", [b"", b"\r\n\r\n", b"   ", b"\x1a", b"\x00\x00"])
def test_blanks_around_segments_are_nothing(after: bytes) -> None:
    assert judge(GOOD + after).findings == ()
    assert judge(GOOD.replace(b"'\n", b"'") + after).findings == ()
    assert judge(GOOD.replace(b"'\n", b"' \r\n\t") + after).findings == ()


def test_what_follows_the_interchange_is_told() -> None:
    finding = only(judge(GOOD + b"-- \nSent by the terminal"))
    assert (finding.code, finding.severity) == ("EDI-STRAY", "warn")


@settings(max_examples=examples(300), deadline=None)
@given(st.integers(len(UNB) + 1, len(GOOD.rstrip()) - 1))
def test_a_file_that_ends_anywhere_has_one_finding(length: int) -> None:
    finding = only(judge(GOOD[:length]))
    assert finding.code == "EDI-TRUNCATED"


def test_the_place_where_a_file_ends_is_told() -> None:
    inside = only(judge(GOOD[: GOOD.index(b"GENERAL") + 3]))
    assert inside.given == "FTX+AAA+++GEN" and "UNT, UNZ" in inside.message_en
    assert f"（字节 {GOOD.index(b'FTX')}）" in inside.message_zh
    after = only(judge(GOOD[: GOOD.index(b"FTX")]))
    assert after.given is None and after.expected == "UNT"
    terminator = only(judge(GOOD.rstrip()[:-1]))
    assert terminator.expected == "'"


def test_a_missing_terminator_is_one_finding_at_its_segment() -> None:
    finding = only(judge(GOOD.replace(b"TMD+3'", b"TMD+3", 1)))
    assert finding.code == "EDI-TERMINATOR"
    assert finding.message_en.startswith(f"segment 11, TMD (byte {GOOD.index(b'TMD')})")


def test_a_file_without_any_terminator_is_one_finding_and_still_judged() -> None:
    report = judge(GOOD.replace(b"'", b"").replace(b"CSQU3054383", b"CSQU3054384"))
    assert sorted(codes(report)) == ["EDI-CONTAINER", "EDI-TERMINATOR", "EDI-TRUNCATED"]


def test_an_empty_segment_and_a_line_break_inside_one_are_told() -> None:
    assert only(judge(GOOD.replace(b"TMD+3'", b"TMD+3''", 1))).code == "EDI-TERMINATOR"
    finding = only(judge(GOOD.replace(b"GENERAL CARGO", b"GENERAL \r\nCARGO")))
    assert (finding.code, finding.severity) == ("EDI-CHARSET", "warn")


# --- characters


def text_in(unb: str, text: bytes) -> bytes:
    return with_body(*BODY, unb=unb).replace(b"GENERAL CARGO", text)


@pytest.mark.parametrize(
    ("level", "text"),
    [
        ("UNOC", "Äpfel".encode("latin-1")),
        ("UNOE", "Груз".encode("iso8859-5")),
        ("UNOW", "普通货物".encode()),
        ("UNOY", "普通货物".encode()),
        ("UNOB", b"General cargo"),
        ("UNOA", b"GENERAL CARGO (1/2)"),
    ],
)
def test_text_in_the_declared_characters_is_right(level: str, text: bytes) -> None:
    assert judge(text_in(UNB.replace("UNOC", level), text)).findings == ()


@pytest.mark.parametrize(
    ("level", "text", "bytes_are", "expected"),
    [
        ("UNOC", "普通货物".encode(), "UTF-8", "UNOW"),
        ("UNOA", "普通货物".encode("gb18030"), "GB 18030", "UNOW"),
        ("UNOW", "普通货物".encode("gb18030"), "GB 18030", "UNOW"),
        ("UNOB", "Äpfel".encode("latin-1"), "8-bit", "UNOC"),
    ],
)
def test_text_in_other_characters_is_one_finding(
    level: str, text: bytes, bytes_are: str, expected: str
) -> None:
    raw = text_in(UNB.replace("UNOC", level), text).replace(b"COSCO AFRICA", text)
    finding = only(judge(raw))
    assert (finding.code, finding.given, finding.expected) == ("EDI-CHARSET", level, expected)
    assert f"the bytes are {bytes_are}" in finding.message_en and level in finding.message_zh


@pytest.mark.parametrize(("level", "text", "strange"), [("UNOA", b"General", "e"), ("UNOB", b"a@b", "@")])
def test_a_character_beyond_the_level_is_a_warning(level: str, text: bytes, strange: str) -> None:
    finding = only(judge(text_in(UNB.replace("UNOC", level), text)))
    assert (finding.code, finding.severity, finding.given) == ("EDI-CHARSET", "warn", strange)


def test_a_length_is_one_of_characters_and_text_is_shown_as_it_reads() -> None:
    unb = UNB.replace("UNOC:3", "UNOW:4").replace("261123", "20261123")
    fits = changed("NAD+CF+COE:172:20", f"NAD+CF+++{'货' * 70}")
    assert judge(interchange(message(*fits), unb=unb, encoding="utf-8")).findings == ()
    too_long = changed("NAD+CF+COE:172:20", f"NAD+CF+++{'货' * 71}")
    finding = only(judge(interchange(message(*too_long), unb=unb, encoding="utf-8")))
    assert (finding.code, finding.pointer) == ("EDI-LENGTH", "UNH[1]/SG4[1]/NAD[1]/C080/3036")
    assert finding.given == "货" * 71 and "71" in finding.message_zh


# --- the structure: one fault, one finding


@pytest.mark.parametrize(
    ("body", "code", "pointer", "given", "expected"),
    [
        pytest.param(
            changed("TMD+3", "XYZ+1", "TMD+3"),
            "EDI-SEGMENT-UNKNOWN",
            "UNH[1]/XYZ#11",
            "XYZ",
            None,
            id="unknown",
        ),
        pytest.param(
            changed("SEL+H53175+SH", "SEI+H53175+SH"),
            "EDI-SEGMENT-UNKNOWN",
            "UNH[1]/SEI#15",
            "SEI",
            "SEL",
            id="misspelt",
        ),
        pytest.param(
            changed("TMD+3", "tmd+3"),
            "EDI-SEGMENT-UNKNOWN",
            "UNH[1]/tmd#11",
            "tmd",
            "TMD",
            id="small-letters",
        ),
        pytest.param(
            changed("BGM+98+7+9"), "EDI-SEGMENT-MISSING", "UNH[1]/BGM", None, "BGM", id="mandatory-missing"
        ),
        pytest.param(
            changed("NAD+CF+COE:172:20"), "EDI-SEGMENT-MISSING", "UNH[1]/SG4", None, "NAD", id="group-missing"
        ),
        pytest.param(
            changed("EQD+CN+CSQU3054383+45G1:102:5++3+5"),
            "EDI-SEGMENT-MISSING",
            "UNH[1]/SG6",
            None,
            "EQD",
            id="head-of-group-missing",
        ),
        pytest.param(
            changed("EQD+CN+MSKU7654328+22G1:102:5++3+5"),
            "EDI-SEGMENT-MISSING",
            "UNH[1]/SG6",
            None,
            "EQD",
            id="head-of-a-later-group-missing",
        ),
        pytest.param(
            changed("LOC+9+CNSHA:139:6", "MEA+AAE+T+KGM:1", "LOC+9+CNSHA:139:6", "LOC+7+CNSHA:139:6"),
            "EDI-SEGMENT-ORDER",
            "UNH[1]/MEA#13",
            "MEA",
            "EQD",
            id="too-early",
        ),
        pytest.param(
            changed(FTX, FTX, "LOC+8+CNSHA:139:6"),
            "EDI-SEGMENT-ORDER",
            "UNH[1]/SG6[1]/SG7",
            "LOC",
            "LOC … FTX",
            id="too-late",
        ),
        pytest.param(
            changed("TMD+3", "CNT+16:2", "TMD+3"),
            "EDI-SEGMENT-ORDER",
            "UNH[1]/CNT#11",
            "CNT",
            "UNH",
            id="stray-end",
        ),
        pytest.param(
            changed("TMD+3", "BGM+98+7+9", "TMD+3"),
            "EDI-SEGMENT-ORDER",
            "UNH[1]/BGM",
            "BGM",
            "BGM … EQD",
            id="stray",
        ),
        pytest.param(
            changed("NAD+CF+COE:172:20", "SEL+1", "NAD+CF+COE:172:20"),
            "EDI-SEGMENT-ORDER",
            "UNH[1]/SEL#8",
            "SEL",
            "EQD",
            id="stray-of-a-group-to-come",
        ),
        pytest.param(
            changed("TMD+3", *["TMD+3"] * 12),
            "EDI-REPETITION",
            "UNH[1]/SG6[1]/TMD[10]",
            10,
            9,
            id="too-often",
        ),
        pytest.param(
            changed("BGM+98+7+9", "BGM+98+7+9", "BGM+98+8+9"),
            "EDI-REPETITION",
            "UNH[1]/BGM[2]",
            2,
            1,
            id="twice",
        ),
    ],
)
def test_one_structural_fault_is_one_finding(
    body: list[str], code: str, pointer: str, given: object, expected: object
) -> None:
    # A total that a missing or strayed segment falsifies is another finding, and a true one.
    found = [one for one in judge(with_body(*body)).findings if one.code != "EDI-CONTROL-TOTAL"]
    assert [(one.code, one.severity) for one in found] == [(code, "error")]
    finding = found[0]
    assert (finding.pointer, finding.given) == (pointer, given)
    assert expected is None or str(finding.expected).startswith(str(expected))


@pytest.mark.parametrize("at", range(len(BODY) + 1))
def test_a_segment_that_does_not_belong_is_one_finding_wherever_it_stands(at: int) -> None:
    report = judge(with_body(*BODY[:at], "XYZ+1", *BODY[at:]))
    assert codes(report) == ["EDI-SEGMENT-UNKNOWN"]
    if at > 1:  # before BGM, and behind it, a second BGM comes twice
        assert codes(judge(with_body(*BODY[:at], "BGM+98+7+9", *BODY[at:]))) == ["EDI-SEGMENT-ORDER"]


@pytest.mark.parametrize("at", range(len(BODY)))
def test_a_segment_that_is_not_there_is_at_most_two_findings(at: int) -> None:
    found = judge(with_body(*BODY[:at], *BODY[at + 1 :])).findings
    assert len([one for one in found if one.code != "EDI-CONTROL-TOTAL"]) <= 2


def test_a_pointer_names_groups_with_their_occurrence_and_elements() -> None:
    body = changed("SEL+H53176+SH", f"SEL+{'9' * 36}+SH")
    finding = only(judge(with_body(*body)))
    assert finding.pointer == "UNH[1]/SG6[2]/SEL[1]/9308"
    offset = with_body(*body).index(b"SEL+999")
    assert finding.message_en.startswith(f"segment 19, SEL (byte {offset}): 9308, ")
    assert finding.message_zh.startswith(f"第 19 段 SEL（字节 {offset}）：9308 封志号")


# --- versions


def test_an_unknown_type_has_its_envelope_judged_and_its_content_not() -> None:
    raw = with_body("MSG+1:45", "IFT+3+X", "EQD+CN+NONSENSE", type="PAORES:93:1:IA")
    report = judge(raw)
    finding = only(report)
    assert (finding.code, finding.severity, finding.given) == ("EDI-MESSAGE-UNKNOWN", "info", "PAORES")
    assert report.valid and not report.messages[0].known and report.messages[0].judged_by is None
    assert codes(judge(raw.replace(b"UNT+5+1", b"UNT+6+1"))) == ["EDI-MESSAGE-UNKNOWN", "EDI-COUNT-UNT"]
    assert codes(judge(raw.replace(b"IFT+3", b"ift+3"))) == ["EDI-MESSAGE-UNKNOWN", "EDI-SEGMENT-UNKNOWN"]


@pytest.mark.parametrize(
    "type", ["../../../etc/passwd", "coarri", "COARRI2", "", "D17A", "codes", "findings"]
)
def test_a_type_is_no_file_name(type: str) -> None:
    assert "EDI-MESSAGE-UNKNOWN" in codes(judge(with_body(*BODY, type=f"{type}:D:17A:UN")))


@pytest.mark.parametrize(
    ("version", "judged_by"), [("D:96A", "D:95B"), ("D:00B", "D:95B"), ("D:16A", "D:17A"), ("D:23B", "D:17A")]
)
def test_a_version_that_is_not_known_is_judged_by_the_nearest_with_warnings(
    version: str, judged_by: str
) -> None:
    report = judge(with_body(*changed("SEL+H53175+SH", "XYZ"), type=f"COARRI:{version}:UN"))
    assert report.messages[0].judged_by == judged_by and not report.messages[0].known
    assert report.findings[0].code == "EDI-VERSION" and report.findings[0].expected == judged_by
    assert report.valid and {one.verified for one in report.findings[1:]} == {False}
    assert all(f"(by {judged_by})" in one.message_en for one in report.findings[1:])


def test_an_order_that_was_not_verified_gives_warnings_and_content_that_was_gives_errors() -> None:
    d95b = [one for one in BODY if not one.startswith("DTM+137")]
    report = judge(with_body(*d95b, "XYZ+1", type="COARRI:D:95B:UN"))
    assert [(one.code, one.severity, one.verified) for one in report.findings] == [
        ("EDI-SEGMENT-UNKNOWN", "warn", False)
    ]
    d95b[d95b.index("SEL+H53175+SH")] = "SEL+12345678901+SH"
    finding = only(judge(with_body(*d95b, type="COARRI:D:95B:UN")))
    assert (finding.code, finding.severity, finding.expected) == ("EDI-LENGTH", "error", "an..10")


# --- content


@pytest.mark.parametrize(
    ("old", "new", "code", "pointer", "expected"),
    [
        ("BGM+98+7+9", "BGM+98+7+9999", "EDI-LENGTH", "BGM[1]/1225", "an..3"),
        ("RFF+BN:9000157890", "RFF+:9000157890", "EDI-ELEMENT-MISSING", "SG6[1]/RFF[1]/C506/1153", "an..3"),
        ("RFF+BN:9000157890", "RFF", "EDI-ELEMENT-MISSING", "SG6[1]/RFF[1]/C506", None),
        (TDT, "TDT", "EDI-ELEMENT-MISSING", "SG2[1]/TDT[1]/8051", "an..3"),
        ("CNT+16:2", "CNT+16:TWO", "EDI-FORMAT", "CNT[1]/C270/6066", "n..18"),
        ("CNT+16:2", "CNT+16:2.", "EDI-FORMAT", "CNT[1]/C270/6066", "n..18"),
        ("BGM+98+7+9", "BGM+98+7+9+AB+1+EN+X", "EDI-ELEMENT-EXTRA", "BGM[1]", None),
        ("BGM+98+7+9", "BGM+98+7+9:X", "EDI-ELEMENT-EXTRA", "BGM[1]/1225", None),
        ("RFF+BN:9000157890", "RFF+BN:1:2:3:4:5", "EDI-ELEMENT-EXTRA", "SG6[1]/RFF[1]/C506", None),
        (FTX, f"FTX+AAA+++1:2:{'3' * 513}", "EDI-LENGTH", "SG6[1]/FTX[1]/C108/4440[3]", "an..512"),
    ],
)  # fmt: skip
def test_content_is_judged_by_position_and_form(
    old: str, new: str, code: str, pointer: str, expected: str | None
) -> None:
    finding = only(judge(with_body(*changed(old, new))))
    assert (finding.code, finding.severity) == (code, "error")
    assert (finding.pointer, finding.expected) == (f"UNH[1]/{pointer}", expected)


@pytest.mark.parametrize("new", ["BGM+98+7+9+++", "BGM+98+7+9:::", "BGM+++9"])
def test_separators_with_nothing_behind_them_hold_nothing(new: str) -> None:
    assert judge(with_body(*changed("BGM+98+7+9", new))).findings == ()


@pytest.mark.parametrize("value", ["8914", "-8914.5", "8914,5", ".5", "0"])
def test_a_number_may_have_a_sign_and_a_decimal_mark_that_do_not_count(value: str) -> None:
    body = changed("EQD+CN+CSQU3054383+45G1:102:5++3+5", "EQD+CN+CSQU3054383+45G1:102:5++3+5")
    report = judge(with_body(*[one.replace("CNT+16:2", f"CNT+7:{value}") for one in body]))
    assert report.findings == ()


@pytest.mark.parametrize(
    ("unb", "pointer"),
    [
        ("UNB+UNOC:3+A+B+261123:0930", "UNB/0020"),
        ("UNB+UNOC:3++B+261123:0930+42", "UNB/S002"),
        ("UNB+UNOC:3+A+B+20261123:0930+42", "UNB/S004/0017"),
        ("UNB+UNOC:4+A+B+261123:0930+42", "UNB/S004/0017"),
        ("UNB+UNOC:3+A+B+261332:0930+42", "UNB/S004/0017"),
        ("UNB+UNOC:3+A+B+261123:2460+42", "UNB/S004/0019"),
    ],
)
def test_the_interchange_header_is_judged(unb: str, pointer: str) -> None:
    assert only(judge(interchange(message(*BODY), unb=unb))).pointer == pointer


def test_a_repeated_element_of_syntax_version_4_is_not_one_long_value() -> None:
    unb = UNB.replace(":3", ":4").replace("261123", "20261123")
    raw = b"UNA:+.?*'" + interchange(message(*changed("BGM+98+7+9", "BGM+98+7+9*4*5")), unb=unb)
    assert judge(raw).findings == ()
    assert (
        only(judge(raw.replace(b"UNOC:4", b"UNOC:3").replace(b"20261123:0930", b"261123:0930"))).code
        == "EDI-LENGTH"
    )


# --- what can be computed


@pytest.mark.parametrize(
    ("text", "format", "right"),
    [
        ("20261123", "102", True),
        ("20260229", "102", False),
        ("20280229", "102", True),
        ("261123", "102", False),
        ("202611232359", "203", True),
        ("202611232400", "203", False),
        ("20261123", "203", False),
        ("20261123235959", "204", True),
        ("202611230930UTC", "303", True),
        ("202611230930+08", "303", False),
        ("202611230930+0800", "205", True),
        ("0930", "401", True),
        ("0960", "401", False),
        ("201611", "610", True),
        ("201613", "610", False),
        ("20261101-20261130", "718", True),
        ("2026110120261130", "718", True),
        ("20261101-20261131", "718", False),
        ("2026110120261131", "718", False),
        ("anything", "999", True),
        ("１２３４", "602", False),
        ("0000", "602", False),
    ],
)
def test_a_date_has_its_format_and_is_one(text: str, format: str, right: bool) -> None:
    assert is_moment(text, format) is right


def test_a_date_that_is_none_names_its_qualifier() -> None:
    finding = only(judge(with_body(*changed("DTM+133:202611232359:203", "DTM+133:20261123:203"))))
    assert (finding.code, finding.pointer) == ("EDI-DATE", "UNH[1]/SG2[1]/SG3[1]/DTM[1]/C507/2380")
    assert (finding.given, finding.expected) == ("20261123", "CCYYMMDDHHMM")
    assert "预计离开时间" in finding.message_zh and "departure" in finding.message_en


def test_a_container_number_has_its_check_digit() -> None:
    finding = only(judge(GOOD.replace(b"CSQU3054383", b"CSQU3054384")))
    assert (finding.code, finding.severity) == ("EDI-CONTAINER", "error")
    assert (finding.given, finding.expected) == ("CSQU3054384", "CSQU3054383")
    assert finding.pointer == "UNH[1]/SG6[1]/EQD[1]/C237/8260"
    shippers_own = only(judge(GOOD.replace(b"CSQU3054383", b"SOC-17")))
    assert (shippers_own.code, shippers_own.severity) == ("EDI-CONTAINER", "warn")
    assert judge(GOOD.replace(b"EQD+CN+CSQU3054383", b"EQD+TE+A1234")).findings == ()


def test_the_total_of_equipment_is_that_of_the_message() -> None:
    finding = only(judge(GOOD.replace(b"CNT+16:2", b"CNT+16:3")))
    assert (finding.code, finding.given, finding.expected) == ("EDI-CONTROL-TOTAL", "3", "2")
    assert finding.fix == ({"op": "replace", "path": "UNH[1]/CNT[1]/C270/6066", "value": "2"},)
    assert judge(GOOD.replace(b"CNT+16:2", b"CNT+16:02")).findings == ()
    assert judge(GOOD.replace(b"CNT+16:2", b"CNT+11:99")).findings == ()


def test_a_place_that_claims_to_be_a_un_locode_looks_like_one() -> None:
    finding = only(judge(GOOD.replace(b"LOC+9+CNSHA:139:6", b"LOC+9+SHANGHAI:139:6")))
    assert (finding.code, finding.severity, finding.given) == ("EDI-FORMAT", "warn", "SHANGHAI")
    assert judge(GOOD.replace(b"LOC+9+CNSHA:139:6", b"LOC+9+SHANGHAI::ZZZ")).findings == ()


# --- bounds


def test_beyond_the_most_segments_nothing_is_judged_and_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edifact, "MOST_SEGMENTS", 10)
    report = judge(GOOD)
    assert codes(report) == ["EDI-LIMIT"] and report.segment_count == 10
    assert report.messages[0].segments == 9


def test_beyond_the_most_findings_only_their_number_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edifact, "MOST_FINDINGS", 5)
    report = judge(with_body(*BODY, *["XYZ"] * 20))
    assert codes(report) == ["EDI-SEGMENT-UNKNOWN"] * 5 + ["EDI-LIMIT"]
    assert (report.findings[-1].given, report.findings[-1].expected) == (20, 5)


def test_beyond_the_most_messages_they_are_judged_and_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edifact, "MOST_MESSAGES", 2)
    messages = [message(*BODY, reference=str(number)) for number in range(4)]
    messages[3] = message(*changed("BGM+98+7+9", "BGM+98+7+9999"), reference="3")
    report = judge(interchange(*messages))
    assert len(report.messages) == 2 and report.message_count == 4
    assert codes(report) == ["EDI-LIMIT", "EDI-LENGTH"]


def test_a_segment_that_is_too_long_is_judged_as_far_as_it_is_read() -> None:
    report = judge(GOOD.replace(b"GENERAL CARGO", b"G" * 10_000))
    assert set(codes(report)) == {"EDI-LIMIT", "EDI-LENGTH"}


HEAD = b"UNB+UNOA:1+A+B+261123:0930+1'UNH+1+COARRI:D:17A:UN'"


@pytest.mark.parametrize(
    "raw",
    [
        HEAD + b"'" * 400_000,
        HEAD + b"\n" * 400_000 + b"x",
        HEAD + b"BGM" + b"\n" * 400_000 + b"x'",
        HEAD + b"BGM" + b"\n \n" * 130_000 + b"ABC+1'",
        HEAD + b"?" * 400_001 + b"'",
        HEAD + b"?'" * 200_000,
        HEAD + b"BGM" + b"+:" * 200_000 + b"'",
        HEAD + b"EQD+CN'CNT+16:1'BGM'SEL'" * 15_000,
        b"UNB+UNOA:1'" + b"UNH+1+COARRI:D:17A:UN'" * 15_000,
        b"UNB+UNOA:1'" + b"".join(b"UNH+%d+AAAAA%c:D:1:X'" % (at, 65 + at % 26) for at in range(15_000)),
        b"UNB+UNOA:1+" + b"\nABC+1" * 60_000,
        b"UNA" * 100_000,
        HEAD + b"\xff" * 400_000,
    ],
    ids=lambda raw: raw[-24:-12].decode("latin-1").encode("unicode_escape").decode(),
)
def test_a_hostile_file_costs_what_its_length_costs(raw: bytes) -> None:
    """None of these comes back within minutes where the time grows with the square."""
    assert len(judge(raw).findings) <= edifact.MOST_FINDINGS + 3


# --- any bytes


def well_formed(report: Report, raw: bytes) -> None:
    assert len(report.findings) <= edifact.MOST_FINDINGS + 3
    for finding in report.findings:
        json.dumps(finding.as_json())
        assert finding.message_zh and finding.message_en and "{" not in finding.code
        for offset in re.findall(r"^segment \d+, .{1,12} \(byte (\d+)\)", finding.message_en):
            assert int(offset) <= len(raw)


@settings(max_examples=examples(300), deadline=None)
@given(st.binary(max_size=300))
@example(b"UNB+UNOA")
@example(b"UNA")
@example(b"UNH+")
@example(b"UNB+UNOW:4+\xff'UNH+1+COARRI:D:17A:UN'EQD+CN+\xff'LOC+9+\xff:139:6'UNT+\xff+\xff'UNZ+\xff+\xff'")
def test_any_bytes_are_judged(raw: bytes) -> None:
    well_formed(judge(raw), raw)


TAGS = sorted(
    {one.split("+")[0] for one in BODY} | {"UNA", "UNB", "UNG", "UNH", "UNT", "UNE", "UNZ", "UNS", "XYZ"}
)


@settings(max_examples=examples(400), deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(TAGS), st.text("+:?'*\n 0129AZaz{}.\xe4\x00", max_size=12)), max_size=25),
    st.sampled_from(["COARRI:D:17A", "COARRI:D:95B", "IFTSTA:D:10B", "CUSCAR:D:96A", "CUSDEC:D:17A", "PAORES:1:1"]),
)  # fmt: skip
@example([("\xdfEM", "a capital of two letters")], "COARRI:D:17A")
def test_any_segments_are_judged(segments: list[tuple[str, str]], type: str) -> None:
    raw = f"{UNB}'UNH+1+{type}'{''.join(f'{tag}+{rest}' for tag, rest in segments)}".encode("latin-1")
    well_formed(judge(raw), raw)


@settings(max_examples=examples(400), deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_mutated_interchange_is_judged(mutations: list[tuple[int, int]]) -> None:
    raw = bytearray(GOOD)
    for at, byte in mutations:
        raw[at] = byte
    well_formed(judge(bytes(raw)), bytes(raw))


# --- the samples

needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="../shared/data/samples-edifact is not here")


@needs_samples
def test_the_coarri_sample_is_right() -> None:
    """272 segments in two messages; 21 containers, each with its check digit, and totals of 2 and 19."""
    report = judge((SAMPLES / "coarri-d95b-itg13.edi").read_bytes())
    assert report.findings == ()
    assert [(one.type, one.version, one.association, one.segments) for one in report.messages] == [
        ("COARRI", "D:95B", "ITG13", 33),
        ("COARRI", "D:95B", "ITG13", 237),
    ]


@needs_samples
def test_the_iftsta_sample_has_three_faults() -> None:
    """A day under a format of minutes, UTF-8 declared as ISO 8859-1, and 18 segments that are 39."""
    report = judge((SAMPLES / "iftsta-d10b.edi").read_bytes())
    assert [(one.code, one.severity, one.pointer, one.given, one.expected) for one in report.findings] == [
        ("EDI-DATE", "error", "UNH[1]/DTM[1]/C507/2380", "20150820", "CCYYMMDDHHMM"),
        ("EDI-CHARSET", "error", "UNB/S001/0001", "UNOC", "UNOW"),
        ("EDI-COUNT-UNT", "error", "UNH[1]/UNT/0074", "18", "39"),
    ]
    assert [(one.type, one.version, one.known) for one in report.messages] == [("IFTSTA", "D:10B", True)]


@needs_samples
def test_the_availability_sample_is_of_a_type_that_is_not_known_here() -> None:
    report = judge((SAMPLES / "exampleMulti.edi").read_bytes())
    assert [(one.code, one.severity) for one in report.findings] == [("EDI-MESSAGE-UNKNOWN", "info")]
    assert [(one.type, one.version, one.agency, one.segments) for one in report.messages] == [
        ("PAORES", "93:1", "IA", 13)
    ] * 2


@needs_samples
def test_the_fragment_of_a_declaration_is_cut_and_of_a_version_that_is_not_known_here() -> None:
    report = judge((SAMPLES / "cusdec-d96b-export-fragment.edi").read_bytes())
    assert [(one.code, one.severity) for one in report.findings] == [
        ("EDI-VERSION", "info"),
        ("EDI-TRUNCATED", "error"),
    ]
    assert report.interchange and report.interchange.test
    assert [(one.type, one.version, one.judged_by) for one in report.messages] == [
        ("CUSDEC", "D:96B", "D:17A")
    ]


# --- the tables

needs_schemas = pytest.mark.skipif(not SCHEMAS.is_dir(), reason="../shared/data/schema-edifact is not here")
MESSAGES = [path.stem for path in TABLES if re.fullmatch("[A-Z]{6}", path.stem)]
DIRECTORIES = {"D17A": "D17A/segments.xml", "service": "Service_V3/segments.xml"}


def unrolled(content: list[str]) -> list[tuple[str, bool]]:
    """`C246 C5` is five places."""
    places: list[tuple[str, bool]] = []
    for entry in content:
        match = re.fullmatch(r"([CS]?\d{3,4}) ([MC])(\d*)", entry)
        assert match, entry
        places += [(match[1], match[2] == "M")] * int(match[3] or 1)
    return places


def test_the_messages_of_the_trade_are_there() -> None:
    assert {"CUSCAR", "IFTSTA", "CODECO", "COARRI", "CUSDEC", "CUSRES", "APERAK", "CONTRL"} == set(MESSAGES)


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_every_table_says_what_it_is_and_whence(path: Path) -> None:
    table = catalogue.load(f"edifact/{path.name}")
    assert table["id"] == path.stem and table["kind"] in ("message", "directory", "codes", "findings")
    assert table["name_zh"] and table["name_en"] and table["source"] and isinstance(table["verified"], bool)


def tags(structure: list[Any]) -> Iterator[str]:
    for one in structure:
        if isinstance(one, str):
            assert re.fullmatch(r"[A-Z]{3} [MC][1-9]\d*", one), one
            yield one[:3]
        else:
            assert re.fullmatch(r"SG\d+ [MC][1-9]\d*", one[0]) and re.fullmatch(r"[A-Z]{3} M1", one[1]), one[
                :2
            ]
            yield from tags(one[1:])


@pytest.mark.parametrize("id", MESSAGES)
def test_every_segment_of_a_message_is_in_its_directory(id: str) -> None:
    service = catalogue.load("edifact/service.json")["segments"]
    for version, entry in catalogue.load(f"edifact/{id}.json")["versions"].items():
        segments = catalogue.load(f"edifact/{entry['directory']}.json")["segments"]
        used = list(tags(entry["structure"]))
        assert set(used) <= set(segments) | set(service), version
        assert used[0] == "UNH" and used[-1] == "UNT" and entry["source"]


@pytest.mark.parametrize("id", [*DIRECTORIES, "D95B"])
def test_a_directory_holds_all_that_it_refers_to_and_nothing_else(id: str) -> None:
    table = catalogue.load(f"edifact/{id}.json")
    places = [place for one in table["segments"].values() for place, _ in unrolled(one["content"])]
    places += [place for one in table["composites"].values() for place, _ in unrolled(one["content"])]
    assert {place for place in places if place[0] in "CS"} == set(table["composites"])
    assert {place for place in places if place[0] not in "CS"} == set(table["elements"])
    assert all(re.fullmatch(r"(an|a|n)(\.\.)?[1-9]\d*", one["form"]) for one in table["elements"].values())
    assert all(one["zh"] for one in table["segments"].values())


@needs_schemas
@pytest.mark.parametrize("id", DIRECTORIES)
def test_segments_agree_with_the_published_map(id: str) -> None:
    table = catalogue.load(f"edifact/{id}.json")
    published = {one.get("id"): one for one in ElementTree.parse(SCHEMAS / DIRECTORIES[id]).getroot()}

    def places(node: ElementTree.Element) -> list[tuple[str | None, bool]]:
        return [(one.get("id"), one.get("required") == "true") for one in node]

    for tag, segment in table["segments"].items():
        assert unrolled(segment["content"]) == places(published[tag]), tag
        for one in published[tag].iter("composite_data_element"):
            assert unrolled(table["composites"][one.get("id")]["content"]) == places(one), (
                tag,
                one.get("id"),
            )
        for one in published[tag].iter("data_element"):
            form = f"{one.get('type')}{'..' + one.get('maxlength', '') if one.get('maxlength') else one.get('length')}"
            assert table["elements"][one.get("id")]["form"] == form, (tag, one.get("id"))


@needs_schemas
@pytest.mark.parametrize(
    ("id", "version", "path"),
    [(id, "D:17A", f"D17A/messages/{id.lower()}.xml") for id in MESSAGES if id != "CONTRL"]
    + [("CONTRL", "D:3", "Service_V3/messages/contrl.xml")],
)
def test_structures_agree_with_the_published_map(id: str, version: str, path: str) -> None:
    def ours(node: Any) -> Any:
        return node if isinstance(node, str) else [ours(one) for one in node]

    def theirs(node: ElementTree.Element) -> list[Any]:
        found: list[Any] = []
        for one in node:
            head = f"{one.get('id')} {'M' if one.get('required') else 'C'}{one.get('maxrepeat')}"
            if one.tag == "segment":
                found.append(head)
            elif one.tag == "group":
                found.append([head, *theirs(one)])
        return found

    published = ElementTree.parse(SCHEMAS / path).getroot()
    assert ours(catalogue.load(f"edifact/{id}.json")["versions"][version]["structure"]) == theirs(published)


@needs_schemas
def test_codes_are_those_of_the_published_lists() -> None:
    published = {one.get("id"): one for one in ElementTree.parse(SCHEMAS / "D17A/codes.xml").getroot()}
    for element, entry in catalogue.load("edifact/codes.json")["lists"].items():
        if entry["verified"]:
            assert set(entry["codes"]) <= {one.get("id") for one in published[element]}, element
    formats = {one.get("id"): one.get("title") for one in published["2379"]}
    ours = catalogue.load("edifact/codes.json")["lists"]["2379"]["codes"]
    assert {code: names[0] for code, names in ours.items()} == {code: formats[code] for code in ours}


def test_every_finding_that_the_code_can_say_has_its_words() -> None:
    said = catalogue.load("edifact/findings.json")["findings"]
    source = "".join(
        (ROOT / "layers/common/python/singlewindow/messages" / f"{name}.py").read_text("utf-8")
        for name in ("edifact", "edifact_structure")
    )
    written = set(re.findall(r'"(EDI-[A-Z-]+(?:\.[a-z]+)?)"', source))
    built = {
        id for id in said if re.match(r"EDI-(CHARSET|FORMAT|TRUNCATED)", id)
    }  # by an f-string, or added to
    assert written <= set(said) | {"EDI-LIMIT"} and set(said) <= written | built
    for id, words in said.items():
        assert words["severity"] in ("error", "warn", "info"), id
        zh, en = (set(re.findall(r"{(\w+)}", words[language])) for language in ("zh", "en"))
        assert {one.removesuffix("_zh") for one in zh} == {one.removesuffix("_en") for one in en}, id


# --- what an interchange says of itself


def test_an_interchange_says_who_sent_it_to_whom_under_which_reference() -> None:
    told = {"sender": "SHANGHAI", "recipient": "COSCO", "reference": "42", "responses": []}
    assert edifact_service.interchange(GOOD) == told
    other = GOOD.replace(b"+", b"|").replace(b":", b"/")
    assert edifact_service.interchange(b"UNA/|.? '" + other) == told
    # Of several in one file the first; of a piece without a header nothing.
    assert edifact_service.interchange(GOOD + GOOD.replace(b"+42", b"+43")) == told
    assert edifact_service.interchange(GOOD[GOOD.index(b"UNH") :])["reference"] == ""
    assert edifact_service.interchange(b"<a/>")["sender"] == ""


def test_a_contrl_speaks_of_an_interchange_and_of_messages_in_it() -> None:
    raw = syntax_report("7", messages=(("1", "4"), ("2", "7")))
    said = edifact_service.interchange(raw)["responses"]
    assert {(one["sender"], one["recipient"], one["reference"]) for one in said} == {
        ("CARRIER", "CUSTOMS", "42")
    }
    assert [(one["message"], one["action"]) for one in said] == [("", "7"), ("1", "4"), ("2", "7")]


@given(st.binary(max_size=200))
@settings(max_examples=40, deadline=None)
def test_whatever_bytes_come_it_says_something(junk: bytes) -> None:
    assert set(edifact_service.interchange(UNB.encode() + junk)) == {
        "sender",
        "recipient",
        "reference",
        "responses",
    }
