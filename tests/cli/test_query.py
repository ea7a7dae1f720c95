"""``ragcli query``: every format by its values, every failure by its status."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ragcli.cli import main
from ragcli.cli.hits import score_text, strictly_falling
from ragcli.config.index import HashingEmbedderConfig, IndexConfig
from ragcli.config.settings import Config
from ragcli.index.build import build_index
from ragcli.records import Chunk, Document, chunk_id, document_id
from ragcli.workspace import Workspace
from ragcli.workspace.catalog import Catalog

DOCUMENTS = {
    "guides/set up.md": ("markdown", ["Install the server with the installer.", "Error ERR-7 means the disk is full."]),
    "faq.html": (
        "html",
        ["The disk is full when nothing fits on it.", "Restart\x1b[31m the server\nto apply changes."],
    ),
    "notes.txt": ("text", ["Zebras eat grass."]),
}


class Ran(NamedTuple):
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Three documents of five chunks, indexed with the hashing embedder."""
    workspace = Workspace(tmp_path_factory.mktemp("indexed"))
    with Catalog(workspace.catalog) as catalog, catalog.transaction():
        for name, (kind, texts) in DOCUMENTS.items():
            document = document_id("docs", name)
            title = name.rpartition("/")[2].partition(".")[0]
            record = Document(document, name, "docs", name, kind, title, "\n".join(texts))  # type: ignore[arg-type]  # kinds above are types
            starts = [0, len(texts[0]) + 1]
            chunks = [
                Chunk(
                    chunk_id(document, start, text), document, place, text, start, start + len(text), 9, ("Top", title)
                )
                for place, (start, text) in enumerate(zip(starts, texts, strict=False))
            ]
            catalog.add_document(record, chunks)
    build_index(Config(index=IndexConfig(embedder=HashingEmbedderConfig())), workspace)
    return workspace


@pytest.fixture
def run(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Runs ``ragcli query`` on the workspace, optionally with standard input."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAGCLI_INDEX__EMBEDDER__KIND", "hashing")
    monkeypatch.setenv("RAGCLI_WORKSPACE__PATH", str(workspace.root))

    def call(*arguments: str, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as left:
            main(["query", *arguments])
        out, err = capsys.readouterr()
        return Ran(int(left.value.code or 0), out, err)

    return call


def test_the_table_shows_rank_score_place_and_why(run: Run) -> None:
    ran = run("what does ERR-7 mean", "--strategy", "lexical", "-k", "1")
    assert (ran.status, ran.err) == (0, "")
    first, second, *rest = ran.out.splitlines()
    assert first.split() == ["1", first.split()[1], "guides/set", "up.md", "Top", "\u203a", "set", "up"]
    assert float(first.split()[1]) > 0
    assert second.strip() == "Error ERR-7 means the disk is full."
    assert rest == [""]
    assert "\x1b" not in ran.out


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_its_width_without_trailing_space(run: Run, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    ran = run("disk server zebra", "--explain")
    lines = ran.out.splitlines()
    assert max(map(len, lines)) <= width
    assert [line for line in lines if line != line.rstrip()] == []
    assert "\x1b" not in ran.out  # a chunk's own escape sequence included


def test_in_a_pipe_a_hit_has_a_line_for_its_place_and_one_for_its_text(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    narrow = run("disk server zebra", "-k", "1").out.splitlines()
    monkeypatch.delenv("COLUMNS")
    whole = run("disk server zebra", "-k", "1").out.splitlines()
    assert (len(narrow) > 3, len(whole), whole[-1]) == (True, 3, "")


def test_json_is_an_envelope_with_everything(run: Run) -> None:
    envelope = run("disk full", "--format", "json", "-k", "2").json
    assert (envelope["command"], envelope["ok"], envelope["error"], envelope["warnings"]) == ("query", True, None, [])
    result = envelope["result"]
    assert (result["generation"], result["strategy"]) == ("000001", "hybrid")
    (query,) = result["queries"]
    assert (query["id"], query["text"]) == ("1", "disk full")
    assert [hit["rank"] for hit in query["hits"]] == [1, 2]
    hit = query["hits"][0]
    name, text = hit["document"], hit["text"]
    assert text in DOCUMENTS[name][1]
    assert "\n".join(DOCUMENTS[name][1])[hit["start"] : hit["end"]] == text
    assert set(hit["arms"]) == {"dense", "lexical"}
    assert set(hit["arms"]["dense"]) == {"score", "rank"}
    assert hit["headings"][0] == "Top"
    assert hit["metadata"]["type"] == DOCUMENTS[name][0]


def test_explaining_tells_parts_that_add_up(run: Run) -> None:
    arguments = ("disk full", "--explain", "--fusion", "minmax", "--dense-weight", "0.25")
    result = run(*arguments, "--format", "json").json["result"]
    assert result["opening_ms"]["open"] > 0
    (query,) = result["queries"]
    assert {"lexical", "dense", "fuse", "fetch"} <= set(query["timings_ms"])
    for hit in query["hits"]:
        assert sum(part["weighted"] for part in hit["arms"].values()) == pytest.approx(hit["score"])
        for arm, part in hit["arms"].items():
            assert part["weighted"] == pytest.approx({"dense": 0.25, "lexical": 0.75}[arm] * part["normalised"])
    shown = run(*arguments).out
    first = query["hits"][0]["arms"]["lexical"]
    line = f"lexical  rank {first['rank']:>3}  score {first['score']:.4f}  normalised {first['normalised']:.4f}"
    assert f"{line}  adds {first['weighted']:.4f}" in shown
    assert "fuse" in shown.splitlines()[-2]
    assert shown.splitlines()[-1].startswith("open ")


def test_explaining_tells_which_arm_only_scored_a_hit(run: Run) -> None:
    (query,) = run("disk full", "--explain", "--format", "json").json["result"]["queries"]
    wordless = [hit for hit in query["hits"] if not hit["arms"]["lexical"]["rank"]]
    assert wordless
    assert all(hit["arms"]["lexical"]["score"] == 0 for hit in wordless)
    assert "lexical  unranked  score 0.0000  normalised 0.0000  adds 0.0000" in run("disk full", "--explain").out


def test_explaining_tells_which_variation_found_what(run: Run) -> None:
    arguments = ("disk nothing", "--expand", "feedback", "--explain", "-k", "2")
    (query,) = run(*arguments, "--format", "json").json["result"]["queries"]
    variations = query["plan"]["variations"]
    assert (variations[0]["text"], variations[0]["origin"]) == ("disk nothing", "the question")
    assert len(variations) > 1
    for hit in query["hits"]:
        assert sum(way["weighted"] for way in hit["found"]) == pytest.approx(hit["score"])
        assert {way["variation"] for way in hit["found"]} <= set(range(len(variations)))
    shown = run(*arguments).out.splitlines()
    assert shown[0] == "[0] the question"
    assert shown[1] == f"[1] {variations[1]['origin']}: {variations[1]['text']}"
    first = query["hits"][0]["found"][0]
    assert any(f"found by  [0] rank {first['rank']} adds {first['weighted']:.4f}" in line for line in shown)
    plain = run("disk nothing", "--explain", "--format", "json").json["result"]["queries"][0]
    assert "plan" not in plain
    assert "found" not in plain["hits"][0]


def test_a_lookup_tells_why_it_went_by_words(run: Run) -> None:
    arguments = ("ERR-7", "--strategy", "auto", "--explain")
    result = run(*arguments, "--format", "json").json["result"]
    assert result["strategy"] == "auto"
    assert result["queries"][0]["plan"]["arms"] == ["lexical"]
    assert run(*arguments).out.splitlines()[0] == "asked by words alone: ERR-7 is a code"


def test_surroundings_are_shown_and_told(run: Run) -> None:
    arguments = ("ERR-7", "-s", "lexical", "-k", "1", "--surroundings", "neighbours")
    (hit,) = run(*arguments, "--format", "json").json["result"]["queries"][0]["hits"]
    text = "\n".join(DOCUMENTS["guides/set up.md"][1])
    assert hit["surroundings"] == {"text": text, "start": 0, "end": len(text)}
    assert hit["text"] == DOCUMENTS["guides/set up.md"][1][1]
    assert "Install the server" in run(*arguments).out
    assert "   > Install the server" in run(*arguments, "--format", "md").out
    (plain,) = run(*arguments[:5], "--format", "json").json["result"]["queries"][0]["hits"]
    assert "surroundings" not in plain


def test_narrowing_without_summaries_says_how_to_have_them(run: Run) -> None:
    ran = run("disk", "--narrow", "hierarchical")
    assert ran.status == 5
    assert "index.summaries.kind=extractive" in ran.err


def test_json_lines_are_a_hit_a_line(run: Run) -> None:
    records = [json.loads(line) for line in run("server", "--format", "jsonl", "-s", "lexical").out.splitlines()]
    assert [record["rank"] for record in records] == [1, 2]
    assert {record["text"] for record in records} == {DOCUMENTS["guides/set up.md"][1][0], DOCUMENTS["faq.html"][1][1]}
    assert {(record["query_id"], record["question"]) for record in records} == {("1", "server")}


def test_csv_can_be_read_back(run: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(run("server", "--format", "csv", "-s", "lexical").out, newline="")))
    assert [row["rank"] for row in rows] == ["1", "2"]
    assert {row["text"] for row in rows} == {DOCUMENTS["guides/set up.md"][1][0], DOCUMENTS["faq.html"][1][1]}
    assert rows[0]["headings"].startswith("Top > ")
    assert float(rows[0]["score"]) > float(rows[1]["score"])


def test_markdown_quotes_the_chunks(run: Run) -> None:
    lines = run("server changes", "--format", "md", "-s", "lexical", "-k", "1").out.splitlines()
    assert lines[0] == "## server changes"
    assert lines[2].startswith("1. **faq.html** \u203a Top \u203a faq (")
    assert lines[4:6] == ["   > Restart\x1b[31m the server".replace("\x1b", " "), "   > to apply changes."]


def test_a_trec_run_ranks_documents_with_falling_scores(run: Run, tmp_path: Path) -> None:
    questions = tmp_path / "q.jsonl"
    questions.write_text('{"_id": "q 1", "text": "disk"}\n{"_id": "q2", "text": "grass"}\n', "utf-8")
    ran = run("--file", str(questions), "--format", "trec", "--run-name", "my run")
    fields = [line.split() for line in ran.out.splitlines()]
    assert {len(line) for line in fields} == {6}
    by_query: dict[str, list[list[str]]] = {}
    for line in fields:
        by_query.setdefault(line[0], []).append(line)
    assert list(by_query) == ["q%201", "q2"]
    for lines in by_query.values():
        assert [line[3] for line in lines] == [str(rank) for rank in range(1, len(lines) + 1)]
        documents = [line[2] for line in lines]
        assert sorted(documents) == ["faq.html", "guides/set%20up.md", "notes.txt"]
        scores = [float(line[4]) for line in lines]
        assert all(one > other for one, other in pairwise(scores))
        assert {line[5] for line in lines} == {"my%20run"}
    assert by_query["q2"][0][2] == "notes.txt"


def test_scores_are_made_to_fall_where_they_tie() -> None:
    scores = [0.5, 0.5, 0.5, 0.2, 0.0, 0.0, -1.0, -1.0]
    fallen = strictly_falling(scores)
    assert fallen == pytest.approx(scores, abs=1e-6)
    shown = [float(f"{score:.9g}") for score in fallen]
    assert shown == sorted(set(shown), reverse=True)
    assert strictly_falling([3.0, 2.0]) == [3.0, 2.0]


def test_scores_are_short() -> None:
    assert [score_text(score) for score in (0.5, 12.34567, 123.4567, 12345.6)] == [
        "0.5000",
        "12.3457",
        "123.46",
        "12346",
    ]


def test_standard_input_is_a_question_a_line(run: Run) -> None:
    ran = run("-", "--format", "jsonl", "-k", "1", stdin=b"grass\n\nERR-7 disk\r\n")
    records = [json.loads(line) for line in ran.out.splitlines()]
    assert [(record["query_id"], record["question"], record["document"]) for record in records] == [
        ("1", "grass", "notes.txt"),
        ("2", "ERR-7 disk", "guides/set up.md"),
    ]


def test_several_questions_stand_above_their_hits(run: Run) -> None:
    lines = run("-", "-k", "1", "-s", "lexical", stdin=b"grass\nunheard\n").out.splitlines()
    assert lines[0] == "# grass"
    assert lines[lines.index("# unheard") + 2] == "no hits"


def test_many_questions_keep_their_order(run: Run) -> None:
    questions = "".join(f"grass {number}\n" for number in range(150)).encode()
    ran = run("-", "--format", "jsonl", "-k", "1", stdin=questions)
    assert [json.loads(line)["query_id"] for line in ran.out.splitlines()] == [str(number) for number in range(1, 151)]


def test_a_question_that_is_no_text_is_asked_as_far_as_it_is(run: Run) -> None:
    ran = run("grass \udce9", "--format", "json", "-k", "1")
    (query,) = ran.json["result"]["queries"]
    assert (query["text"], query["hits"][0]["document"]) == ("grass \ufffd", "notes.txt")


def test_filters_and_grouping_reach_the_search(run: Run) -> None:
    def documents(*arguments: str) -> list[str]:
        hits = run("disk server", "--format", "json", *arguments).json["result"]["queries"][0]["hits"]
        return [hit["document"] for hit in hits]

    assert set(documents("--where", "type=html")) == {"faq.html"}
    assert documents("--where", "type=html", "--where", "path~=guides/**") == []
    assert sorted(documents("--group-by", "document")) == sorted(DOCUMENTS)
    assert len(documents("-k", "5")) == 5


@pytest.mark.parametrize(
    ("arguments", "status", "message", "hint"),
    [
        ([], 2, "give a question, or --file", "ragcli query"),
        (["x", "--file", "y.txt"], 2, "not both", "ragcli query"),
        (["  "], 2, "the question is empty", "ragcli query"),
        (["-"], 2, "standard input held no question", "ragcli query - <"),
        (["x", "--strategy", "magic"], 2, "magic", "--help"),
        (["x", "--where", "typ=html"], 2, "nothing in the index has a key 'typ'", "type"),
        (["x", "--where", "type html"], 2, "at position 6", "--where"),
        (["x", "--top-k", "0"], 3, "top_k", ""),
        (["x", "--dense-weight", "2"], 3, "dense_weight", ""),
        (["--file", "none.jsonl"], 4, "cannot read the questions in none.jsonl", ""),
        (["x", "-w", "elsewhere"], 5, "there is no index in", "ragcli ingest PATH"),
        (["x", "--set", "index.lexical.language=de"], 5, "index.lexical.language", "ragcli index"),
        (["x", "--set", "index.embedder.dimension=64"], 5, "made by", "ragcli index"),
    ],
)
def test_failures_have_a_status_a_reason_and_a_way_out(
    arguments: list[str], status: int, message: str, hint: str, run: Run
) -> None:
    ran = run(*arguments)
    assert ran.status == status
    assert ran.out == ""
    error, *more = ran.err.splitlines()
    assert error.startswith("error: ")
    assert message in ran.err
    assert hint in "".join(more)


def test_a_failure_is_an_envelope_too(run: Run) -> None:
    ran = run("x", "--format", "json", "-w", "elsewhere")
    assert (ran.status, ran.json["ok"], ran.json["result"]) == (5, False, None)
    assert ran.json["error"]["code"] == "index_missing"


def test_a_filter_that_nothing_passes_is_a_warning(run: Run) -> None:
    ran = run("disk", "--where", "type=pdf", "--format", "json")
    assert ran.status == 0
    assert ran.json["warnings"] == ["no chunk passes the filter 'type=pdf'; type is one of html, markdown, text"]
    assert ran.err == f"warning: {ran.json['warnings'][0]}\n"


def test_an_index_that_lacks_what_was_ingested_is_refused(
    workspace: Workspace, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    copy = Workspace(tmp_path / "copy")
    shutil.copytree(workspace.root, copy.root)
    monkeypatch.setenv("RAGCLI_WORKSPACE__PATH", str(copy.root))
    with Catalog(copy.catalog) as catalog, catalog.transaction():
        document = document_id("docs", "new.txt")
        chunk = Chunk(chunk_id(document, 0, "new"), document, 0, "new", 0, 3, 1)
        catalog.add_document(Document(document, "new.txt", "docs", "new.txt", "text", "new", "new"), [chunk])
    refused = run("disk")
    assert (refused.status, refused.out) == (5, "")
    assert "error: documents were ingested or removed since" in refused.err
    assert "try: ragcli index" in refused.err
    assert run("disk", "--format", "json").json["error"]["code"] == "index_stale"
    answered = run("disk", "--no-require-fresh")
    assert (answered.status, answered.out != "") == (0, True)
    assert "warning: documents were ingested or removed since" in answered.err


def test_a_reader_that_goes_away_is_no_error(workspace: Workspace, tmp_path: Path) -> None:
    questions = tmp_path / "q.txt"
    questions.write_text("disk server grass\n" * 3000, "utf-8")
    command = f"{sys.executable} -m ragcli query --file {questions} -w {workspace.root} --format csv | head -n 1"
    settings = ["--set", "index.embedder.kind=hashing"]
    ran = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command.replace(' --format', ' ' + ' '.join(settings) + ' --format')}"],
        capture_output=True,
        text=True,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("query_id,question,rank,score,")


LIGHT = """
import sys
from ragcli.cli import main
try:
    main(sys.argv[1:])
except SystemExit as left:
    assert not left.code, left.code
heavy = {"onnxruntime", "tokenizers", "torch", "transformers", "scipy", "faiss", "sentence_transformers", "docutils",
         "openai", "httpx2"}
print(sorted(heavy & set(sys.modules)), file=sys.stderr)
"""


def test_a_lexical_query_imports_no_model_runtime(workspace: Workspace, tmp_path: Path) -> None:
    arguments = ["query", "disk", "-s", "lexical", "-w", str(workspace.root), "--set", "index.embedder.kind=hashing"]
    ran = subprocess.run([sys.executable, "-c", LIGHT, *arguments], capture_output=True, text=True, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.splitlines()[-1] == "[]"
    assert "disk is full" in ran.stdout


def test_nor_does_a_lookup(workspace: Workspace, tmp_path: Path) -> None:
    arguments = ["query", "ERR-7", "-s", "auto", "-w", str(workspace.root), "--set", "index.embedder.kind=hashing"]
    ran = subprocess.run([sys.executable, "-c", LIGHT, *arguments], capture_output=True, text=True, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.splitlines()[-1] == "['faiss']"  # the vectors are open, for questions to come
    assert "disk is full" in ran.stdout
