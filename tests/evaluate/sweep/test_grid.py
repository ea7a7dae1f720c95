from pathlib import Path

import pytest

from ragcli.errors import ConfigError, DataError, UsageError
from ragcli.evaluate.sweep.grid import Grid, Loader, Point, distance, points, read_grid


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "grid.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def tried(text: str, project: Path) -> tuple[Point, ...]:
    load = Loader(project / "base.yaml", (), {})
    return points(read_grid(write(project, text), 200), load(), load)


def test_dotted_and_nested_keys_mean_the_same(tmp_path: Path) -> None:
    dotted = read_grid(write(tmp_path, "query.fusion.dense_weight: [0.2, 0.8]\nquery.candidates: [5, 9]\n"), 9)
    nested = read_grid(write(tmp_path, "query:\n  candidates: [5, 9]\n  fusion:\n    dense_weight: [0.2, 0.8]\n"), 9)
    assert dotted == nested
    assert dotted.size == 4
    assert list(dotted.combinations())[1] == {"query.candidates": 5, "query.fusion.dense_weight": 0.8}


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("{}", ConfigError, "the grid is empty"),
        ("query.candidates: 5\n", ConfigError, "query.candidates needs a list of values"),
        ("query.candidates: []\n", ConfigError, "needs a list"),
        ("evaluate.top_k: [1, 2]\n", ConfigError, "evaluate.top_k cannot be swept"),
        ("ingest.sources: [[], []]\n", ConfigError, "ingest.sources cannot be swept"),
        ("query.candidates: [1, 2, 3]\nquery.top_k: [1, 2, 3, 4]\n", UsageError, "12 points .3 x 4., more than the 11"),
    ],
)
def test_a_grid_that_cannot_be_swept_is_refused(
    tmp_path: Path, text: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        read_grid(write(tmp_path, text), 11)


def test_a_missing_grid_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read the grid"):
        read_grid(tmp_path / "none.yaml", 10)


def test_the_base_comes_first_and_equal_points_once(project: Path) -> None:
    found = tried("query.candidates: [50, 100, 50]\n", project)
    assert [(point.number, point.settings) for point in found] == [
        (0, {"query.candidates": 100}),
        (1, {"query.candidates": 50}),
    ]


def test_a_kind_is_set_before_what_belongs_to_it(project: Path) -> None:
    found = tried("ingest.chunker.size_tokens: [50]\ningest.chunker.kind: [prose]\n", project)
    assert found[0].settings == {"ingest.chunker.kind": "auto", "ingest.chunker.size_tokens": None}
    assert found[1].loaded.config.ingest.chunker.model_dump()["size_tokens"] == 50


def test_a_section_is_a_value(project: Path) -> None:
    found = tried("query.fusion: [{kind: rrf, k: 20}, {kind: minmax, dense_weight: 0.6}]\n", project)
    assert [point.number for point in found] == [0, 1]  # the second is the default, which is the base
    assert found[0].settings == {"query.fusion": {"kind": "minmax", "dense_weight": 0.6}}
    assert found[1].loaded.config.query.fusion.model_dump() == {"kind": "rrf", "k": 20, "dense_weight": 0.5}


def test_an_invalid_point_is_named(project: Path) -> None:
    with pytest.raises(ConfigError, match=r"point 2 of the grid.*\n?.*dense_weight"):
        tried("query.fusion.dense_weight: [0.1, 7]\n", project)


def test_distance_counts_settings_then_their_size(project: Path) -> None:
    load = Loader(project / "base.yaml", (), {})
    base = load()
    grid = Grid({"query.candidates": (100, 150, 200), "query.strategy": ("hybrid", "dense")})
    found = points(grid, base, load)
    distances = {tuple(point.settings.values()): distance(point, found[0], grid) for point in found}
    assert distances[100, "hybrid"] == (0, 0.0)
    assert distances[150, "hybrid"] == (1, 0.5)
    assert distances[200, "hybrid"] == (1, 1.0)
    assert distances[100, "dense"] == (1, 1.0)
    assert distances[200, "dense"] == (2, 2.0)
