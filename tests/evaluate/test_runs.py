"""Runs: TREC files read as columns, and ragcli's own."""

import gzip
import io
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragcli.errors import DataError
from ragcli.evaluate import lines as lines_module
from ragcli.evaluate.columns import Column, parse_scores, parse_whole, split_lines
from ragcli.evaluate.hit_runs import HitRun, is_hit_run, parse_hit_run, run_lines
from ragcli.evaluate.judgements import Qrels, read_qrels
from ragcli.evaluate.lines import Lines
from ragcli.evaluate.result import StoredHit
from ragcli.evaluate.runs import Run, read_run, trec_lines
from ragcli.records import ArmScore

names = st.text("ab#é.-_0123456789", min_size=1, max_size=20)
numbers = st.floats(allow_nan=False, width=64)


def rows_of(run: Run) -> list[tuple[str, bytes, float]]:
    owners = np.repeat(np.arange(len(run.queries)), np.diff(run.bounds)).tolist()
    return [(run.queries[owner], run.documents[row], float(run.scores[row])) for row, owner in enumerate(owners)]


def write(tmp_path: Path, text: str | bytes, name: str = "run.trec") -> Path:
    file = tmp_path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


SPELLINGS = {
    "plain": "q1 Q0 d1 1 2.5 t\nq1 Q0 d2 2 1.5 t\nq2 Q0 d1 1 -3 t\n",
    "tabs": "q1\tQ0\td1\t1\t2.5\tt\nq1\tQ0\td2\t2\t1.5\tt\nq2\tQ0\td1\t1\t-3\tt\n",
    "wide": "q1  Q0 d1 1\t  2.5  t \n\n q1 Q0 d2 2 +1.50 t\nq2 Q0 d1 1 -3. t\n\n",
    "windows": "q1 Q0 d1 1 2.5 t\r\nq1 Q0 d2 2 1.5 t\r\nq2 Q0 d1 1 -3.0 t\r\n",
    "no last line end": "q1 Q0 d1 1 2.5 t\nq1 Q0 d2 2 15e-1 t\nq2 Q0 d1 1 -3 t",
    "comments": "# a b c d e\nq1 Q0 d1 1 2.5 t\n  # odd\nq1 Q0 d2 2 1.5 t\nq2 Q0 d1 1 -3 t\n#\n",
    "byte order mark": "\ufeffq1 Q0 d1 1 2.5 t\nq1 Q0 d2 2 1.5 t\nq2 Q0 d1 1 -3 t\n",
    "apart": "q1 Q0 d1 1 2.5 t\nq2 Q0 d1 1 -3 t\nq1 Q0 d2 2 1.5 t\n",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("way", ["file", "gzip", "stdin", "mapped"])
def test_every_spelling_and_way_reads_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spelling: str, way: str
) -> None:
    content = SPELLINGS[spelling].encode()
    if way == "gzip":
        content = gzip.compress(content)
    if way == "mapped":
        monkeypatch.setattr(lines_module, "_MAPPED", 1)
    file = write(tmp_path, content)
    if way == "stdin":
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        file = Path("-")
    run = read_run(file)
    assert rows_of(run) == [("q1", b"d1", 2.5), ("q1", b"d2", 1.5), ("q2", b"d1", -3.0)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("q Q0 a 1 1 t\nq Q0 b 2 1\n", ":2: expected 'query Q0 document rank score tag'"),
        ("q Q0 a 1 1 t\n\nq Q0 my doc 2 1 t\n", ":3: expected"),
        ("q Q0 a 1\n1 t q Q0 b 2 1 t\n", ":1: expected"),
        ("q Q0 a 1 1 t\nq Q0 b 2 nan t\n", ":2: the score 'nan' is not a number"),
        ("q Q0 a 1 1 t\nq Q0 b 2 1_0 t\n", ":2: the score '1_0' is not a number"),
        ("q Q0 a 1 1 t\nq Q0 b 2 1.2.3 t\n", ":2: the score '1.2.3' is not a number"),
        ("q Q0 a 1 . t\n", ":1: the score '.' is not a number"),
        ("q Q0 a 1 - t\n", ":1: the score '-' is not a number"),
        ("q Q0 a 1 3 t\nr Q0 a 1 3 t\nq Q0 a 2 1 t\n", ":3: document 'a' occurs twice for query 'q'"),
        ("\n \n", " holds no results"),
        ("", " holds no results"),
        (b"q Q0 a 1 1 t\n\xff Q0 a 1 1 t\n", ":2: not UTF-8"),
        (b"\x1f\x8bno gzip", "cannot read"),
    ],
)
def test_what_is_wrong_is_named_by_its_line(tmp_path: Path, text: str | bytes, message: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(DataError) as caught:
        read_run(file)
    assert message in caught.value.message
    assert str(file) in caught.value.message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*nowhere\.trec: No such file"):
        read_run(tmp_path / "nowhere.trec")


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(names.filter(lambda n: n[0] != "#"), st.dictionaries(names, numbers, min_size=1), min_size=1))
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, run: dict[str, dict[str, float]]
) -> None:
    file = tmp_path_factory.mktemp("run") / "run.trec"
    lines = [f"{query} Q0 {name} 1 {value!r} t\n" for query, found in run.items() for name, value in found.items()]
    file.write_text("".join(lines))
    with np.errstate(over="ignore"):
        expected = [(q, n.encode(), float(np.float32(v))) for q, found in run.items() for n, v in found.items()]
    assert rows_of(read_run(file)) == expected


def test_a_file_of_many_blocks_and_long_names_reads_as_one_of_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = np.random.default_rng(2)
    text = "".join(
        f"query-{row // 7} Q0 {'x' * int(draw.integers(0, 40))}{row} 1 {draw.random() * 10.0**place} t\n"
        for row, place in enumerate(draw.integers(-9, 9, size=2000))
    )
    file = write(tmp_path, text)
    expected = [
        (query, name.encode(), float(np.float32(float(score))))
        for query, _, name, _, score, _ in map(str.split, text.splitlines())
    ]
    assert rows_of(read_run(file)) == expected
    monkeypatch.setattr(lines_module, "_BLOCK", 100)
    monkeypatch.setattr(lines_module, "_CHUNK", 10)
    assert rows_of(read_run(file)) == expected


def test_blocks_end_where_the_query_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "q1 Q0 a 1 3 t\nq1 Q0 b 1 2 t\nq1 Q0 c 1 1 t\nq1 Q0 e 1 1 t\nq10\tQ0\ta 1 1 t\nq1 Q0 d 1 1 t\n"
    lines = Lines.read(write(tmp_path, text))
    monkeypatch.setattr(lines_module, "_BLOCK", 30)
    assert list(lines.blocks()) == [(0, text.index("q10")), (text.index("q10"), len(text))]


@settings(max_examples=500, deadline=None)
@given(st.lists(numbers.map(repr) | st.decimals(allow_nan=False, allow_infinity=False).map(str), min_size=1))
def test_scores_are_rounded_as_trec_eval_rounds_them(texts: list[str]) -> None:
    values, bad = parse_scores(Column.of(text.encode() for text in texts))
    assert bad is None
    with np.errstate(over="ignore"):
        assert values.tolist() == [float(np.float64(float(text)).astype(np.float32)) for text in texts]


@settings(max_examples=500, deadline=None)
@given(st.text("0123456789.+-e:/é", min_size=1, max_size=26))
def test_what_python_takes_for_a_number_is_one(text: str) -> None:
    try:
        with np.errstate(over="ignore"):
            expected = float(np.float64(float(text)).astype(np.float32))
    except ValueError:
        assert parse_scores(Column.of([b"1", text.encode()]))[1] == 1
        return
    values, bad = parse_scores(Column.of([b"1", text.encode()]))
    assert (values.tolist(), bad) == ([1.0, expected], None)


def test_a_score_halfway_between_two_single_ones_is_rounded_exactly() -> None:
    texts = [
        b"1.80188065767288209",
        b"1.44275289773941041",
        b"1.00000005960464477",
        b"1.00000005960464478",
        b"1.0000000596046448",
        b"16777217.0",
        b"9007199254740993",
    ]
    values, _ = parse_scores(Column.of(texts))
    assert values.tolist() == [float(np.float32(float(text))) for text in texts]


@pytest.mark.parametrize("text", [b"1.0", b"1.", b"x", b"-", b"1e3", b"0x1"])
def test_a_grade_is_a_whole_number(text: bytes) -> None:
    assert parse_whole(Column.of([b"-12", b"+3", b"0", text]))[1] == 3


@given(st.lists(st.binary(max_size=20)), st.lists(st.binary(max_size=20)))
def test_columns_compare_and_order_as_bytes_do(left: list[bytes], right: list[bytes]) -> None:
    size = min(len(left), len(right))
    one, two = Column.of(left[:size]), Column.of(right[:size])
    assert one.equals(two).tolist() == [a == b for a, b in zip(left, right, strict=False)]
    assert one.equals(Column.of(left[:size])).all()
    order = Column.of(left).descending(np.zeros(len(left), dtype=np.int64))
    assert [left[row] for row in order.tolist()] == sorted(left, reverse=True)
    assert len(set(Column.of(left).digest().tolist())) == len(set(left))


@given(st.lists(st.sampled_from([b"a", b"bb", b" ", b"\t", b"\n", b"\r", b"#", b"\x0b"]), max_size=30))
def test_lines_are_split_as_python_splits_them(pieces: list[bytes]) -> None:
    text = b"".join(pieces)
    lines = [line for line in text.split(b"\n") if line.split() and not line.lstrip(b" \t").startswith(b"#")]
    found = split_lines(np.frombuffer(text, dtype=np.uint8), 2)
    if any(len(line.split()) != 2 for line in lines):
        assert found is None
    elif lines:
        assert found is not None
        data = np.frombuffer(text + bytes(8), dtype=np.uint8)
        columns = [found.column(data, 0, place) for place in (0, 1)]
        assert [[column[row] for column in columns] for row in range(len(lines))] == [line.split() for line in lines]


def test_white_space_in_names_is_encoded() -> None:
    assert list(trec_lines("q 1", [("a b\tc", 0.5)], "my tag")) == ["q%201 Q0 a%20b%09c 1 0.5 my%20tag"]


def test_judgements_in_both_formats(tmp_path: Path) -> None:
    expected = {"1": {"d1": 2, "d2": -1}, "2": {"d1": 0}}
    for text in (
        "1 0 d1 2\n1 0 d2 -1\n2 0 d1 0\n",
        "# c\n2 0 d1 0\n",
        "query-id\tcorpus-id\tscore\n1\td1\t2\n1\td2\t-1\n2\td1\t0\n",
        "1\td1\t2\n1\td2\t-1\n2\td1\t0\n",
    ):
        found = read_qrels(write(tmp_path, text, "qrels")).mapping()
        assert found == ({"2": {"d1": 0}} if text.startswith("#") else expected)
    assert Qrels.of(expected).mapping() == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 0 d1 2\n1 0 d1 2\n", ":2: document 'd1' is judged twice for query '1'"),
        ("1 0 d1 2\n1 0 d2 x\n", ":2: expected 'query 0 document grade', and 'x' is no whole number"),
        ("1 0 d1 2\n1 d2 1\n", ":2: expected 'query 0 document grade'"),
        ("1 d1 2\n1 0 d2 1\n", ":2: expected 'query-id corpus-id score'"),
        ("\n", "holds no judgements"),
    ],
)
def test_a_bad_judgement_is_named_by_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read_qrels(write(tmp_path, text, "qrels"))
    assert message in caught.value.message


HITS = HitRun(
    hits={"q 1": (StoredHit("a.md", 0.1 + 0.2, "c1", start=3, end=9, arms={"dense": ArmScore(0.7, 4)}),), "q2": ()},
    chunks={"q 1": (StoredHit("a.md", 0.5, "c1", start=3, end=9), StoredHit("a.md", 0.7, "c2", start=9, end=12))},
    questions={"q 1": "é?", "q2": ""},
    fingerprints={"generation": "000001"},
)


def test_a_run_of_hits_is_read_back_whole(tmp_path: Path) -> None:
    lines = Lines.read(write(tmp_path, "".join(run_lines(HITS)), "run.jsonl"))
    assert is_hit_run(lines)
    assert parse_hit_run(lines) == HITS
    assert HITS.documents() == {"q 1": {"a.md": 0.1 + 0.2}, "q2": {}}
    assert not is_hit_run(Lines.read(write(tmp_path, SPELLINGS["plain"])))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", ":2: not JSON"),
        ("[]", ":2: expected an object with query and hits"),
        ('{"query": "q"}', ":2: expected an object with query and hits"),
        ('{"query": "a", "hits": []}', ":2: query 'a' occurs twice"),
        ('{"query": "q", "hits": [{"document": "d"}]}', ":2: a hit needs document"),
        ('{"query": "q", "hits": [3]}', ":2: a hit needs document"),
        ('{"schema": "ragcli/run/v9"}', ":2: schema 'ragcli/run/v9' is not"),
        (
            '{"query": "q", "hits": [{"document": "d", "score": NaN, "chunk_id": "",'
            ' "start": 0, "end": 1, "arms": {}}]}',
            ":2: the score of 'd' is not a number",
        ),
    ],
)
def test_a_bad_line_of_hits_is_named(tmp_path: Path, line: str, message: str) -> None:
    text = '{"query": "a", "hits": []}\n' + line + "\n"
    with pytest.raises(DataError) as caught:
        parse_hit_run(Lines.read(write(tmp_path, text, "run.jsonl")))
    assert message in caught.value.message


def test_infinite_scores_rank_at_the_ends(tmp_path: Path) -> None:
    run = read_run(write(tmp_path, "q Q0 a 1 inf t\nq Q0 b 2 -inf t\nq Q0 c 3 1e999 t\n"))
    assert run.scores.tolist() == [math.inf, -math.inf, math.inf]
