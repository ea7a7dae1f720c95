"""The ready configurations of this folder's subject do what their files say."""

from collections.abc import Callable, Sequence
from pathlib import Path

from ragcli.config.load import load_config
from ragcli.config.settings import Config
from ragcli.index.build import build_index
from ragcli.query.engine import Engine
from ragcli.query.result import Result
from ragcli.records import Query
from ragcli.workspace import Workspace

CONFIGS = Path(__file__).parents[2] / "configs"
Add = Callable[..., None]


def configured(name: str, workspace: Workspace, overrides: Sequence[str] = ()) -> Config:
    settings = ["index.embedder.kind=hashing", f"workspace.path={workspace.root}", *overrides]
    return load_config(CONFIGS / name, environment={}, overrides=settings).config


def ask(config: Config, workspace: Workspace, text: str) -> Result:
    with Engine(config, workspace) as engine:
        return engine.search([Query("q", text)])[0]


def test_multi_query_finds_by_other_words(workspace: Workspace, add: Add) -> None:
    for name, text in {
        "rto.md": "The recovery time objective (RTO) is four hours.",
        "hours.md": "Nobody shortens a recovery time objective.",
        "tea.md": "Green tea is drunk warm.",
    }.items():
        add(workspace, name, [text])
    config = configured("multi-query.yaml", workspace, ["query.strategy=lexical"])
    build_index(config, workspace)
    result = ask(config, workspace, "RTO")
    assert [hit.document for hit in result.hits] == ["rto.md", "hours.md"]
    assert result.plan is not None
    assert result.plan.variations[1].text == "recovery time objective"
    assert len(result.plan.variations) <= 4


def test_hierarchical_searches_few_documents_and_shows_sections(workspace: Workspace, add: Add) -> None:
    sections = [{"headings": ["Care"]}, {"headings": ["Care"]}, {"headings": ["Origin"]}]
    for number in range(60):
        texts = [f"Plant number {number} likes water.", f"Pot it in week {number}.", "It comes from far away."]
        add(workspace, f"plant{number:02}.md", texts, title=f"Plant {number}", chunk_metadata=sections)
    config = configured("hierarchical.yaml", workspace)
    build_index(config, workspace)
    result = ask(config, workspace, "plant number 7 water")
    assert result.plan is not None
    assert result.plan.documents == 50
    assert len(result.hits) == 10
    best = result.hits[0]
    assert best.text == "Plant number 7 likes water."
    assert best.surroundings is not None
    assert best.surroundings.text == "Plant number 7 likes water.\nPot it in week 7."
