"""``ragcli chunks``: how a document is cut, for people and for programs."""

from pathlib import Path
from typing import Any

import pytest

Ragcli = Any
PAGE = (
    "# Vaults\n\nA vault holds snapshots.\n\n## Opening\n\n"
    + "Opening needs the passphrase of the vault. " * 12
    + "\n\n"
    "## Closing\n\n" + "Closing wipes the keys from memory at once. " * 12 + "\n"
)


@pytest.fixture
def page(work: Path) -> Path:
    file = work / "vaults.md"
    file.write_text(PAGE)
    return file


def test_panels_show_breadcrumb_size_and_place(ragcli: Ragcli, page: Path) -> None:
    ran = ragcli("chunks", "vaults.md", "--set", "ingest.chunker.structured.size_tokens=110")
    assert (ran.status, ran.err) == (0, "")
    first, *lines = ran.out.splitlines()
    result = ragcli(
        "chunks", "vaults.md", "--format", "json", "--set", "ingest.chunker.structured.size_tokens=110"
    ).result
    (document,) = result["documents"]
    chunks = document["chunks"]
    assert first == (
        f"vaults.md: markdown, {document['characters']:,} characters, {len(chunks)} chunks,"
        f" {sum(chunk['tokens'] for chunk in chunks):,} tokens"
    )
    tops = [line for line in lines if line.startswith("\u256d")]
    bottoms = [line for line in lines if line.startswith("\u2570")]
    assert len(tops) == len(bottoms) == len(chunks) >= 2
    for chunk, top, bottom in zip(chunks, tops, bottoms, strict=True):
        assert f" {chunk['position'] + 1}  {' > '.join(chunk['headings'])} " in top
        assert f" {chunk['tokens']} tokens \u00b7 {chunk['start']:,}-{chunk['end']:,} " in bottom
    assert {len(line) for line in lines} == {100}  # COLUMNS of the tests


@pytest.mark.parametrize("width", [50, 160])
def test_panels_fit_the_width(ragcli: Ragcli, page: Path, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = ragcli("chunks", "vaults.md").out.splitlines()[1:]
    assert {len(line) for line in lines} == {width}


def test_a_pipe_gets_the_lines_as_they_are(ragcli: Ragcli, page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS")
    size = ("--set", "ingest.chunker.structured.size_tokens=110")
    (document,) = ragcli("chunks", "vaults.md", "--format", "json", *size).result["documents"]
    expected = [ragcli("chunks", "vaults.md", *size).out.splitlines()[0]]
    for chunk in document["chunks"]:
        facts = f"{chunk['tokens']} tokens \u00b7 {chunk['start']:,}-{chunk['end']:,}"
        expected += ["", f"--- {chunk['position'] + 1}  {' > '.join(chunk['headings'])}  ({facts})"]
        prefix = [] if chunk["prefix"] in {"", " > ".join(chunk["headings"])} else [chunk["prefix"]]
        expected += [*prefix, *chunk["text"].split("\n")]
    assert ragcli("chunks", "vaults.md", *size).out.splitlines() == expected
    assert max(map(len, expected)) > 120


def test_json_has_texts_that_stand_where_it_says(ragcli: Ragcli, work: Path) -> None:
    (work / "plain.txt").write_text("One sentence here. And another one.\n")
    (document,) = ragcli("chunks", "plain.txt", "--format", "json").result["documents"]
    assert (document["name"], document["type"]) == ("plain.txt", "text")
    (chunk,) = document["chunks"]
    assert chunk["text"] == "One sentence here. And another one.\n"[chunk["start"] : chunk["end"]]
    assert (chunk["position"], chunk["headings"], document["tokens"]) == (0, [], chunk["tokens"])


def test_settings_change_the_cut(ragcli: Ragcli, page: Path) -> None:
    def count(*words: str) -> int:
        return len(ragcli("chunks", "vaults.md", "--format", "json", *words).result["documents"][0]["chunks"])

    assert count("--set", "ingest.chunker.kind=whole") == 1
    windows = ("--set", "ingest.chunker.kind=fixed", "--set", "ingest.chunker.overlap_tokens=0")
    assert count(*windows, "--set", "ingest.chunker.size_tokens=20") > count(
        *windows, "--set", "ingest.chunker.size_tokens=60"
    )


def test_a_type_can_be_given(ragcli: Ragcli, work: Path) -> None:
    (work / "notes").write_text("# Title\n\nText.\n")
    (document,) = ragcli("chunks", "notes", "--type", "markdown", "--format", "json").result["documents"]
    assert (document["type"], document["title"]) == ("markdown", "Title")


def test_text_cannot_drive_the_terminal(ragcli: Ragcli, work: Path) -> None:
    (work / "evil.txt").write_text(
        "Colour \x1b[31m and a bell \x07 in a long enough text. " + "Plain words. " * 20 + "\tTab.\n"
    )
    ran = ragcli("chunks", "evil.txt")
    assert ran.status == 0
    assert not set("\x07\x1b\t") & set(ran.out)
    assert "Colour \\x1b[31m and a bell \\x07 in" in ran.out


def test_the_workspace_is_left_alone(ragcli: Ragcli, work: Path, page: Path) -> None:
    ragcli("chunks", "vaults.md")
    assert not (work / ".ragcli").exists()


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        ([], 2, "FILE is missing"),
        (["nowhere.md"], 4, "nowhere.md does not exist"),
        (["docs"], 4, "docs is a folder"),
        (["/dev/null"], 4, "/dev/null is not a file"),
        (["vaults.md", "--type", "markdwon"], 2, "there is no type 'markdwon'"),
    ],
)
def test_failures(ragcli: Ragcli, page: Path, words: list[str], status: int, message: str) -> None:
    ran = ragcli("chunks", *words)
    assert (ran.status, ran.out) == (status, "")
    assert message in ran.err
