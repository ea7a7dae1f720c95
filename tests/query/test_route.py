"""Which questions are look-ups."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragcli.query.route import identifier, route

LOOKUPS = {
    "E1042": "E1042 is a code",
    "error MRL-4008": "MRL-4008 is a code",
    "CVE-2024-3094": "CVE-2024-3094 is a code",
    "retention_days": "retention_days is a name in code",
    "the SnapshotManager class": "SnapshotManager is a name in code",
    "getUserName": "getUserName is a name in code",
    "connect()": "connect() is a name in code",
    "std::vector": "std::vector is a name in code",
    "os.path.join": "os.path.join is a dotted name",
    "--dry-run": "--dry-run is a flag",
    "marl -v": "-v is a flag",
    "/etc/marl/agent.yaml": "/etc/marl/agent.yaml is an address or path",
    "docs/guide.md": "docs/guide.md is an address or path",
    "https://example.org/a": "https://example.org/a is an address or path",
    "0xdeadbeef": "0xdeadbeef is a hash",
    "commit 3f2a9c1d": "3f2a9c1d is a hash",
    "HTTP 404": "404 is a version or number",
    "release 3.2.1": "3.2.1 is a version or number",
    '"strict seal"': '"strict seal" is a quoted phrase',
    "“strict seal” glossary": "“strict seal” is a quoted phrase",
}
OTHERS = [
    "What does MRL-4008 mean?",
    "how do I use --dry-run",
    'what is a "strict seal"?',
    "MRL-4008?",
    "restore a single file",
    "state-of-the-art methods",
    "well-known problems and/or their causes",
    "It's a dog's life",
    "Backups run at 3 in the morning and end before people come to work E1042",
    "a 12 hour window",
    "USA",
    "?",
    '""',
]


@pytest.mark.parametrize(("question", "reason"), LOOKUPS.items())
def test_a_lookup_goes_by_words(question: str, reason: str) -> None:
    found = route(question)
    assert (found.strategy, found.reason) == ("lexical", reason)


@pytest.mark.parametrize("question", OTHERS)
def test_everything_else_goes_both_ways(question: str) -> None:
    assert route(question).strategy == "hybrid"


@pytest.mark.parametrize("word", ["apple", "low-level", "I", "e-mail", "don't", "naïve", "O'Brien", "3", "42", "—"])
def test_words_of_a_language_identify_nothing(word: str) -> None:
    assert identifier(word) == ""


@given(st.text(max_size=400))
def test_any_text_is_routed_and_says_why(text: str) -> None:
    assert route(text).reason


def test_hostile_text_takes_no_time() -> None:
    for text in ['"' + "-" * 100_000, "a/" * 50_000, "a_" * 50_000, "((((" * 50_000]:
        assert route(text).strategy == "hybrid"
