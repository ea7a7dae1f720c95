import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.evaluate.embedding_service import EmbeddingService
from tests.evaluate.sweep.conftest import CONFIG

from ragcli.config.load import load_config
from ragcli.errors import BackendError, DataError, UsageError
from ragcli.evaluate.datasets import load_dataset
from ragcli.evaluate.evaluation import evaluate
from ragcli.evaluate.statistics import bootstrap_interval
from ragcli.evaluate.sweep import run as running
from ragcli.evaluate.sweep.best import write_best
from ragcli.evaluate.sweep.finished import Finished
from ragcli.evaluate.sweep.grid import Grid, Loader, Point, points
from ragcli.evaluate.sweep.result import SweepResult, choose, split
from ragcli.evaluate.sweep.run import SweepOptions, sweep, unseen_candidates
from ragcli.evaluate.sweep.stages import SharingEngine, Stages
from ragcli.index.build import build_index
from ragcli.ingest.sources import Selection
from ragcli.ingest.sync import StdinInput, SyncOptions, sync
from ragcli.query.engine import Engine
from ragcli.records import Query
from ragcli.workspace import Workspace
from ragcli.workspace.catalog import Catalog

HELD_OUT = ("q3", "q10", "q11")
FUSION = Grid({"query.fusion.kind": ("rrf", "minmax"), "query.fusion.dense_weight": (0.2, 0.8)})


def tried(project: Path, grid: Grid) -> tuple[Point, ...]:
    load = Loader(project / "base.yaml", (), {})
    return points(grid, load(), load)


def run(project: Path, grid: Grid, **options: Any) -> SweepResult:
    dataset = load_dataset(project / "queries.jsonl")
    return sweep(tried(project, grid), grid, dataset, SweepOptions(**{"metric": "nDCG@3", **options}))


def alone(project: Path, point: Point, workspace: Path) -> Mapping[str, float]:
    """The values of a point by the ordinary way, in a workspace of its own."""
    config = point.loaded.config.model_copy(
        update={"workspace": point.loaded.config.workspace.model_copy(update={"path": workspace})}
    )
    sync(config, project)
    build_index(config, Workspace(workspace))
    with Engine(config, Workspace(workspace)) as engine:
        evaluation, _ = evaluate(engine, load_dataset(project / "queries.jsonl"), ["nDCG@3"], 3)
    return dict(zip(evaluation.queries, evaluation.values["nDCG@3"].tolist(), strict=True))


@pytest.mark.parametrize(
    "grid",
    [
        FUSION,
        Grid({"ingest.chunker.kind": ("auto", "fixed"), "query.strategy": ("dense", "lexical")}),
        Grid({"index.context.neighbours": ([], [0.5]), "query.candidates": (1, 3, 20)}),
        Grid({"query.where": ([], ["name!=pear.md"]), "query.strategy": ("dense", "lexical")}),
        Grid({"index.lexical.language": ("en", "none"), "query.strategy": ("lexical",)}),
        Grid({"index.embedder.dimension": (8, 64), "query.strategy": ("dense",)}),
    ],
    ids=["fusion", "chunker", "context", "filter", "lexical", "embedder"],
)
def test_every_point_scores_what_ragcli_eval_scores(project: Path, grid: Grid) -> None:
    result = run(project, grid)
    parts = split([f"q{number}" for number in range(12)], 0.3, 0)
    for point, scored in zip(tried(project, grid), result.points, strict=True):
        values = alone(project, point, project / f"alone{point.number}")
        assert scored.tune == pytest.approx(np.mean([values[query] for query in parts.tune]), abs=1e-12)
        if scored.chosen:
            held_out = np.mean([values[query] for query in parts.held_out])
            assert result.winner.held_out == pytest.approx(held_out, abs=1e-12)
    assert len({scored.tune for scored in result.points}) > 1  # otherwise nothing was compared


def test_only_fusion_runs_again_for_points_that_differ_in_it(project: Path) -> None:
    result = run(project, FUSION)
    work = result.work
    assert (len(result.points), work.workspaces, work.indexes) == (5, 1, 1)
    assert work.searches == 3 * 12  # both arms each question once, and the lexical one what only the other returned
    assert work.spared == 2 * 3 * 12 + 2 * 2 * 12  # two more points of min-max, two of rrf


def test_workspaces_share_embeddings_and_leave_the_users_index_alone(project: Path) -> None:
    base = load_config(project / "base.yaml")
    sync(base.config, base.base)
    build_index(base.config, Workspace(base.config.workspace.path))
    live = Workspace(base.config.workspace.path)
    before = live.current.read_text()
    result = run(project, Grid({"ingest.chunker.kind": ("auto", "whole"), "ingest.dedupe": (False, True)}))
    assert result.work.workspaces == 4
    assert live.current.read_text() == before
    folders = sorted((live.root / "sweep").glob("*/catalog.db"))
    with Catalog(folders[0], readonly=True) as one, Catalog(live.catalog, readonly=True) as other:
        keys = [row[0] for row in other.database.all("SELECT key FROM embeddings")]
        assert set(one.embeddings(keys)) == set(keys)


def test_a_stopped_sweep_goes_on(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(project, FUSION, fresh=True)
    (project / ".ragcli" / "sweep" / "points.jsonl").unlink()
    scored: list[object] = []

    def stopping(*arguments: Any) -> Any:
        if len(scored) == 3:
            raise KeyboardInterrupt
        scored.append(arguments)
        return evaluate(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(running, "evaluate", stopping)
        with pytest.raises(KeyboardInterrupt):
            run(project, FUSION)
    result = run(project, FUSION)
    assert result.work.resumed == 3
    assert [point.resumed for point in result.points] == [True, True, True, False, False]
    assert [point.tune for point in result.points] == [point.tune for point in whole.points]
    again = run(project, FUSION)
    assert (again.work.resumed, again.work.indexes, again.work.searches) == (5, 0, 0)
    assert (again.winner, again.comparison) == (result.winner, result.comparison)


def test_what_shapes_a_score_is_in_its_name(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grid = Grid({"query.candidates": (7,)})
    first = run(project, grid).work
    assert first.resumed == 0
    fresh = run(project, grid, fresh=True).work
    assert (fresh.resumed, fresh.searches) == (0, first.searches)
    assert fresh.searches > 2 * 2 * 12  # both arms of both points, and what only one of them returned
    with monkeypatch.context() as patch:
        patch.setattr(running, "__version__", "another")
        assert run(project, grid).work.resumed == 0
    text = (project / "base.yaml").read_text()
    (project / "base.yaml").write_text(text.replace("top_k: 3", "top_k: 4"))
    assert run(project, grid).work.resumed == 0


def test_how_thoroughly_an_index_is_searched_needs_no_other(project: Path) -> None:
    work = run(project, Grid({"index.vectors.ef_search": (50, 60), "index.vectors.nprobe": (3,)})).work
    assert (work.indexes, work.workspaces) == (1, 1)
    assert (work.searches, work.spared) == ((2 + 3) * 12, 2 * 2 * 12)  # words twice, once to look up


def test_the_winner_is_judged_by_the_questions_held_out(project: Path) -> None:
    grid = Grid({"query.strategy": ("dense", "lexical")})
    result = run(project, grid, seed=3, holdout=0.5)
    assert result.winner.number != 0
    parts = split([f"q{number}" for number in range(12)], 0.5, 3)
    found = {point.number: alone(project, point, project / f"alone{point.number}") for point in tried(project, grid)}
    base, winner = (np.array([found[number][q] for q in parts.held_out]) for number in (0, result.winner.number))
    for standing, values in ((result.base, base), (result.winner, winner)):
        assert standing.held_out == pytest.approx(values.mean(), abs=1e-12)
        assert standing.interval == bootstrap_interval(values, seed=3)
        assert standing.tune == pytest.approx(np.mean([found[standing.number][q] for q in parts.tune]), abs=1e-12)
    assert result.base.interval != bootstrap_interval(base, seed=0)
    assert result.comparison is not None
    assert result.comparison.queries == len(parts.held_out)
    assert (result.comparison.baseline, result.comparison.candidate) == pytest.approx((base.mean(), winner.mean()))
    assert result.comparison.interval == bootstrap_interval(winner - base, seed=3)


def test_questions_without_spans_take_no_part_in_a_character_metric(project: Path) -> None:
    lines = [json.loads(line) for line in (project / "queries.jsonl").read_text().splitlines()]
    for line, quote in zip(
        lines[:6], ("red fruit", "green fruit", "burns fuel", "eats grass", "warm wall", "once"), strict=True
    ):
        line["spans"] = [{"document": next(iter(line["relevant"])), "quote": quote}]
    (project / "queries.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    result = run(project, Grid({"query.strategy": ("dense", "lexical")}), metric="char_recall@1", holdout=0.5)
    assert result.tune_queries + result.held_out_queries == 6
    assert all(0.0 <= point.tune <= 1.0 for point in result.points)


def test_documents_that_no_source_can_give_again_are_those_of_now(project: Path) -> None:
    base = load_config(project / "base.yaml")

    def give(text: bytes) -> None:
        sync(base.config, base.base, SyncOptions(Selection(()), StdinInput("note", text, "markdown")))

    give(b"# Note\n\nNothing of interest.\n")
    grid = Grid({"query.candidates": (7,)})
    before = run(project, grid)
    give(b"# Note\n\nRed fruit and green fruit, a warm wall, lost keys and how long snapshots are kept.\n")
    after = run(project, grid)
    assert after.work.resumed == 0
    assert after.base.tune < before.base.tune


def test_another_embedder_may_cut_in_another_way(project: Path) -> None:
    assert run(project, Grid({"index.embedder.dimension": (16,)})).work.workspaces == 2


def test_a_point_of_which_questions_failed_is_not_scored(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service = EmbeddingService()
    base = CONFIG.replace("kind: hashing\n    dimension: 8", f"kind: openai\n    base_url: {service.url}")
    (project / "base.yaml").write_text(base)
    grid = Grid({"query.candidates": (7,)})
    service.refused = {"lost keys"}
    try:
        with pytest.raises(BackendError, match=r"1 questions failed, the first q6: .* answered 400: too busy"):
            run(project, grid)
        service.refused = set()
        assert run(project, grid).work.resumed == 0
    finally:
        service.close()


def test_a_number_of_a_whole_run_is_nothing_to_choose_by(project: Path) -> None:
    with pytest.raises(UsageError, match="gm_map is one number of a whole run"):
        run(project, FUSION, metric="gm_map")
    assert not (project / ".ragcli" / "sweep").exists()


def test_changed_documents_questions_and_metrics_are_scored_again(project: Path) -> None:
    grid = Grid({"query.candidates": (3,)})
    assert run(project, grid).work.resumed == 0
    assert run(project, grid, metric="MRR@3").work.resumed == 0
    assert run(project, grid, metric="mrr@3", seed=4, holdout=0.5).work.resumed == 2
    (project / "docs" / "new.md").write_text("# New\n\nA new page about red fruit and green fruit.\n")
    assert run(project, grid).work.resumed == 0
    lines = (project / "queries.jsonl").read_text().replace("green fruit", "fruit that is green")
    (project / "queries.jsonl").write_text(lines)
    assert run(project, grid).work.resumed == 0


def test_a_line_cut_off_by_a_kill_costs_one_point(tmp_path: Path) -> None:
    file = tmp_path / "points.jsonl"
    Finished(file).keep("one", {"nDCG@10": {"q": 0.1 + 0.2}})
    with file.open("a") as out:
        out.write('{"point": "two", "values": {"nDC')
    Finished(file).keep("three", {"nDCG@10": {"q": 1.0}})
    found = Finished(file)
    assert found.get("one") == {"nDCG@10": {"q": 0.1 + 0.2}}
    assert found.get("two") is None
    assert found.get("three") == {"nDCG@10": {"q": 1.0}}


def test_the_split_is_seeded_and_stays_when_questions_come() -> None:
    queries = [f"q{number}" for number in range(1000)]
    parts = split(queries, 0.3, 0)
    assert set(parts.tune).isdisjoint(parts.held_out)
    assert sorted([*parts.tune, *parts.held_out]) == sorted(queries)
    assert 250 < len(parts.held_out) < 350
    assert split(queries, 0.3, 1) != parts
    assert split(queries[:12], 0.3, 0).held_out == HELD_OUT  # the same with every version
    more = split([*queries, "new"], 0.3, 0)
    assert set(parts.held_out) <= set(more.held_out)
    assert set(parts.tune) <= set(more.tune)


def test_too_few_questions_to_split_are_refused() -> None:
    with pytest.raises(DataError, match="none is left to hold out"):
        split(["q1"], 1e-9, 0)
    with pytest.raises(DataError, match="none is left to tune on"):
        split(["q1"], 1 - 1e-9, 0)


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0])
def test_the_holdout_is_a_share(project: Path, share: float) -> None:
    with pytest.raises(UsageError, match="--holdout"):
        run(project, FUSION, holdout=share)


def test_of_equal_points_the_nearest_to_the_base_wins(project: Path) -> None:
    grid = Grid({"query.candidates": (200, 110, 90)})
    found = tried(project, grid)
    assert choose(found, {0: 0.5, 1: 0.7, 2: 0.7, 3: 0.6}, grid).number == 2
    assert choose(found, {0: 0.7, 1: 0.7, 2: 0.7, 3: 0.7}, grid).number == 0
    assert choose(found, {0: 0.5, 1: 0.7, 2: 0.6, 3: 0.7 + 1e-15}, grid).number == 3
    assert choose(found, {0: 0.5, 1: 0.7 + 1e-15, 2: 0.6, 3: 0.7}, grid).number == 3
    alike = Grid({"query.candidates": (110, 90)})
    assert choose(tried(project, alike), {0: 0.5, 1: 0.7, 2: 0.7}, alike).number == 1


def test_candidates_that_change_nothing_are_noticed(project: Path) -> None:
    assert unseen_candidates(tried(project, Grid({"query.candidates": (2, 50)})))
    assert not unseen_candidates(tried(project, Grid({"query.candidates": (10, 50)})))


def test_the_written_configuration_is_the_winner_and_only_says_what_is_not_default(project: Path) -> None:
    grid = Grid({"query.fusion.kind": ("rrf",), "ingest.chunker.kind": ("fixed",), "query.candidates": (7,)})
    result = run(project, grid)
    point = tried(project, grid)[1]
    file = project / "best.yaml"
    write_best(file, point.loaded, result)
    text = file.read_text()
    assert load_config(file).config == point.loaded.config
    assert "held out" in text
    assert str(project) not in text
    assert "embedder:\n    kind: hashing\n    dimension: 8\n" in text
    for default in ("size_tokens", "compact_fraction", "dense_weight", "workspace:"):
        assert default not in text


def test_a_file_elsewhere_finds_the_documents_and_says_what_it_cannot_hold(project: Path) -> None:
    grid = Grid({"query.candidates": (7,)})
    result = run(project, grid)
    file = project / "elsewhere" / "best.yaml"
    write_best(file, tried(project, grid)[1].loaded, result)
    assert "# workspace.path was ../.ragcli, which a file cannot say: give it by --set" in file.read_text()
    config = load_config(file).config
    assert config.ingest.sources[0].path == project / "docs"
    assert config.ingest.sources[0].name == "docs"
    assert config.evaluate.dataset == project / "queries.jsonl"
    assert config.query.candidates == 7


def test_remembered_answers_are_those_of_the_engine(project: Path) -> None:
    base = load_config(project / "base.yaml")
    workspace = Workspace(base.config.workspace.path)
    sync(base.config, base.base)
    build_index(base.config, workspace)
    stages = Stages()
    queries = [Query("1", "red fruit"), Query("2", "keys"), Query("3", "red fruit")]
    with Engine(base.config, workspace) as engine:
        expected = [result.hits for result in engine.search(queries)]
    for _ in range(2):
        with SharingEngine(base.config, workspace, stages) as engine:
            assert [result.hits for result in engine.search(queries)] == expected
    assert stages.searches + stages.spared == 2 * 3 * 3  # both arms, and the lexical one to look up


def test_made_questions_are_told(project: Path) -> None:
    lines = [json.loads(line) for line in (project / "queries.jsonl").read_text().splitlines()]
    for line in lines[:4]:
        line["tags"] = ["synthetic", "heading"]
    (project / "queries.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    notes = run(project, Grid({"query.candidates": (3,)})).notes
    assert notes["synthetic"].startswith("4 of 12 questions were made by a program")
