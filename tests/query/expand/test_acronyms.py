"""Definitions of acronyms in texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragcli.query.expand.acronyms import acronyms_in, definitions, long_form


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("We offer point in time recovery (PITR).", [("PITR", "point in time recovery")]),
        ("The Recovery Time Objective (RTO) is short.", [("RTO", "Recovery Time Objective")]),
        ("An SLA (service level agreement) holds.", [("SLA", "service level agreement")]),
        ("Many APIs and non-steroidal drugs (NSDs)", [("NSDs", "non-steroidal drugs")]),
        ("the result was good (OK)", []),
        ("see the manual (PDF)", []),
        ("nothing here", []),
    ],
)
def test_definitions_are_found(text: str, expected: list[tuple[str, str]]) -> None:
    assert list(definitions(text)) == expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("what is the RTO of APIs", ["RTO", "API"]),
        ("the RTO and the RTO", ["RTO"]),
        ("A cat", []),
        ("ALL IN CAPITALS", []),
        ("RTO", ["RTO"]),
    ],
)
def test_acronyms_of_a_question(question: str, expected: list[str]) -> None:
    assert acronyms_in(question) == expected


@given(st.text(alphabet="ABCDEF", min_size=2, max_size=5), st.text(max_size=60))
def test_a_long_form_ends_its_text_and_begins_with_the_first_letter(short: str, before: str) -> None:
    found = long_form(short, before)
    assert before.strip().endswith(found)
    if found:
        assert found[0].casefold() == short[0].casefold()
