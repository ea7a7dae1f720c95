"""The ready configurations do what their files say, through the command line."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Ragcli

CONFIGS = Path(__file__).parents[2] / "configs"
ANSWERS = ("berlin.md", "boiling.md")
Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def ask(ragcli: Ragcli, work: Path) -> Callable[[str, Mapping[str, str]], Ask]:
    """Indexes documents with a ready configuration, but for the hashing embedder, and gives what asks them."""

    def index(name: str, documents: Mapping[str, str]) -> Ask:
        folder = work / "corpus"
        folder.mkdir()
        for file, text in documents.items():
            (folder / file).write_text(text, encoding="utf-8")
        (work / "ragcli.yaml").write_bytes((CONFIGS / name).read_bytes())
        ran = ragcli("sync", folder)
        assert ran.status == 0, ran.err

        def ask(*words: str) -> list[dict[str, Any]]:
            ran = ragcli("query", *words, "--format", "json")
            assert ran.status == 0, ran.err
            found: list[dict[str, Any]] = ran.result["queries"]
            return found

        return ask

    return index


def documents_of(found: Mapping[str, Any]) -> list[str]:
    return [hit["document"] for hit in found["hits"]]


def test_hybrid_rrf_fuses_places(ask: Any) -> None:
    texts = {
        "both.md": "Valves leak when seals are worn.",
        "words.md": "Seals.",
        "other.md": "Green tea is drunk warm.",
    }
    [found] = ask("hybrid-rrf.yaml", texts)("worn seals leak", "--explain")
    assert documents_of(found)[:2] == ["both.md", "words.md"]
    for hit in found["hits"]:
        ranks = [arm["rank"] for arm in hit["arms"].values()]
        assert hit["score"] == pytest.approx(sum(1 / (60 + rank) for rank in ranks), rel=1e-4)
    assert {arm for hit in found["hits"] for arm in hit["arms"]} == {"dense", "lexical"}


def test_multi_query_finds_by_other_words(ask: Any) -> None:
    texts = {
        "rto.md": "The recovery time objective (RTO) is four hours.",
        "hours.md": "Nobody shortens a recovery time objective.",
        "tea.md": "Green tea is drunk warm.",
    }
    [found] = ask("multi-query.yaml", texts)("RTO", "--strategy", "lexical", "--explain")
    assert documents_of(found) == ["rto.md", "hours.md"]
    variations = [variation["text"] for variation in found["plan"]["variations"]]
    assert variations[:2] == ["RTO", "recovery time objective"]
    assert len(variations) <= 4


def test_hierarchical_searches_few_documents_and_shows_sections(ask: Any) -> None:
    said = ("We like it very much.", "It likes water.", "Pot it in spring.", "It is from Peru.")
    intro, water, pot, origin = (" ".join([text] * 16) for text in said)
    texts = {
        f"plant{number:02}.md": f"# Plant {number}\n\n{intro}\n\n"
        f"## Care\n\nPlant number {number} is thirsty. {water}\n\n{pot}\n\n## Origin\n\n{origin}\n"
        for number in range(60)
    }
    [found] = ask("hierarchical.yaml", texts)("plant number 7 thirsty", "--explain")
    assert found["plan"]["documents"] == 50
    assert len(found["hits"]) == 10
    best = found["hits"][0]
    assert best["document"] == "plant07.md"
    assert "Pot it" not in best["text"]
    assert "Plant number 7 is thirsty." in best["surroundings"]["text"]
    assert "Pot it in spring." in best["surroundings"]["text"]
    assert "Peru" not in best["surroundings"]["text"]


@pytest.mark.model
def test_rerank_scores_a_batch_and_leaves_retrieval_its_share(ask: Any, work: Path) -> None:
    texts = {
        "berlin.md": "Berlin had a population of 3,520,031 registered inhabitants in 2016.",
        "people.md": "Many people who live in Berlin ask how people live.",
        "boiling.md": "Water boils at 100 degrees Celsius at sea level.",
        "temperature.md": "The temperature of the water in the pool is what people ask about.",
    }
    (work / "q.txt").write_text("how many people live in Berlin\nat what temperature does water boil\n")
    asked = ask("rerank.yaml", texts)
    found = asked("--file", "q.txt", "--explain")
    assert found[0]["timings_ms"]["rerank"] == found[1]["timings_ms"]["rerank"]  # all pairs at once
    assert (work / ".ragcli" / "rerank.db").exists()
    for before, after, answer in zip(asked("--file", "q.txt", "--no-rerank"), found, ANSWERS, strict=True):
        scores = {hit["document"]: hit["reranked"]["model_score"] for hit in after["hits"]}
        assert max(scores, key=scores.__getitem__) == answer
        assert [hit["reranked"]["rank"] for hit in after["hits"]] == [
            documents_of(before).index(name) + 1 for name in documents_of(after)
        ]
        first = {hit["document"]: hit["score"] for hit in before["hits"]}
        mixed = [0.3 * scaled(scores)[name] + 0.7 * scaled(first)[name] for name in documents_of(after)]
        assert mixed == sorted(mixed, reverse=True)
        assert [hit["score"] for hit in after["hits"]] == pytest.approx(mixed, abs=1e-6)


def scaled(scores: Mapping[str, float]) -> dict[str, float]:
    low, high = min(scores.values()), max(scores.values())
    return {name: (score - low) / (high - low) for name, score in scores.items()}


def test_budget_packs_what_tokens_and_money_hold(ask: Any, service: Any) -> None:
    texts = {
        f"seal{number:02}.txt": f"Seal number {number} is worn. " + "It has to be changed at once. " * 20
        for number in range(50)
    }
    asked = ask("budget.yaml", texts)
    besides = ("--set", f"query.answer.base_url={service.url}", "--set", "query.pack.encoding=words")
    [bound] = asked("which seal is worn", "--answer", *besides)
    context = bound["context"]
    assert 0 < context["tokens"] <= context["budget_tokens"] < 2_666
    spent = 0.15e-6 * context["budget_tokens"] + 0.60e-6 * 500
    assert 0.0006 < spent < 0.0007  # the rest goes for instructions and question
    assert {one["reason"] for one in context["left_out"]} == {"cost limit"}
    ranks = [excerpt["rank"] for excerpt in context["excerpts"]]
    assert ranks[0] == 1
    assert ranks[-1] == 2  # the best at both ends
    [roomier] = asked("which seal is worn", "--answer", *besides, "--max-cost", "1")
    assert roomier["context"]["budget_tokens"] > 2_666
    assert {one["reason"] for one in roomier["context"]["left_out"]} == {"token budget"}
    assert json.dumps(service.bodies[0]).count("is worn") < json.dumps(service.bodies[1]).count("is worn")
