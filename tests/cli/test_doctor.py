"""``ragcli doctor``: every harm is found, named, and comes with what to do."""

from pathlib import Path
from typing import Any

import pytest

Ragcli = Any


def checks(ran: Any) -> dict[str, tuple[str, str]]:
    return {check["name"]: (check["verdict"], check["hint"]) for check in ran.result["checks"]}


def test_a_sound_workspace(indexed: Ragcli) -> None:
    ran = indexed("doctor")
    assert (ran.status, ran.err) == (0, "")
    assert [line.split()[0] for line in ran.out.splitlines()] == ["ok"] * 9
    assert "ok       generation 000001 (live): " in ran.out
    assert "checksums right" in ran.out
    found = checks(indexed("doctor", "--format", "json"))
    assert list(found) == [
        "disk", "writer", "generation 000001 (live)", "catalog", "files", "settings", "index", "freshness", "model"
    ]  # fmt: skip


def test_files_that_could_not_be_read(indexed: Ragcli, work: Path) -> None:
    (work / "docs" / "broken.pdf").write_bytes(b"%PDF-1.4 nothing more")
    indexed("sync", "docs")
    ran = indexed("doctor")
    assert ran.status == 0
    assert "warning  files: 1 of 4 could not be read" in ran.out.splitlines()
    assert "         try: ragcli status, which names them and says why" in ran.out.splitlines()


def test_a_flipped_byte_is_found(indexed: Ragcli, work: Path) -> None:
    generation = work / ".ragcli" / "generations" / "000001"
    victim = generation / "vectors" / "base.faiss"
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.chmod(0o644)
    victim.write_bytes(data)
    ran = indexed("doctor")
    assert ran.status == 5
    (broken,) = [line for line in ran.out.splitlines() if line.startswith("broken   generation")]
    assert victim.name in broken
    after = ran.out.splitlines()[ran.out.splitlines().index(broken) + 1]
    assert after == "         try: ragcli index rollback, or ragcli index --full"
    assert ran.err.splitlines()[-1] == "  try: ragcli index rollback, or ragcli index --full"
    assert indexed("index", "--full").status == 0
    assert "ok       generation 000002 (live)" in indexed("doctor").out


def test_a_failure_has_its_result_beside_the_error(indexed: Ragcli, work: Path) -> None:
    (work / ".ragcli" / "CURRENT").write_text("000009\n")
    ran = indexed("doctor", "--format", "json")
    assert (ran.status, ran.envelope["ok"], ran.envelope["error"]["code"]) == (5, False, "index_corrupt")
    assert ("broken", "ragcli index --full") in checks(ran).values()
    assert ran.err.startswith(f"error: {ran.envelope['error']['message']}\n")


@pytest.mark.parametrize(
    ("setting", "check", "verdict"),
    [
        ("index.context.neighbours=[]", "settings", "warning"),
        ("index.embedder.dimension=64", "model", "broken"),
        ("index.embedder.kind=none", "model", "warning"),
    ],
)
def test_a_configuration_that_does_not_fit(indexed: Ragcli, setting: str, check: str, verdict: str) -> None:
    ran = indexed("doctor", "--format", "json", "--set", setting)
    assert checks(ran)[check][0] == verdict
    assert ran.status == (5 if verdict == "broken" else 0)


def test_what_is_not_indexed_is_a_warning(indexed: Ragcli, write: Any) -> None:
    write("new.txt", "Another page.\n")
    indexed("ingest", "docs")
    ran = indexed("doctor")
    assert ran.status == 0
    assert "warning  freshness: 1 chunks are not indexed yet, 0 are gone since\n         try: ragcli index\n" in ran.out


def test_a_model_that_is_gone_is_named_with_the_command_that_gets_it(indexed: Ragcli) -> None:
    ran = indexed(
        "doctor", "--set", "index.embedder.kind=sentence-transformers", "--set", "index.embedder.model=org/missing"
    )
    assert ran.status == 5
    assert "broken   model: the model 'org/missing' is not on this machine" in ran.out
    assert "ragcli models pull org/missing" in ran.out


def test_no_workspace(ragcli: Ragcli) -> None:
    ran = ragcli("doctor")
    assert (ran.status, ran.out) == (5, "")
    assert "try: ragcli ingest PATH" in ran.err
