"""Settings of evaluation."""

from pathlib import Path

from pydantic import Field

from ragcli.config.base import Settings
from ragcli.config.judge import AnswersConfig


class EvaluateConfig(Settings):
    """From hits and judgements to scores."""

    dataset: Path | None = None
    """Folder in BEIR layout, or a folder or file with ``queries.jsonl`` records; relative to this file."""
    split: str = "test"
    """Which ``qrels/<split>.tsv`` of a BEIR folder."""
    metrics: tuple[str, ...] = ("nDCG@10", "P@5", "recall@10", "recall@100", "MRR@10")
    """Names such as ``nDCG@10``, ``P@5``, ``recall@100``, ``MRR``."""
    top_k: int = Field(default=100, ge=1, le=10_000)
    """How many documents are retrieved per query."""
    embedder_price: float | None = Field(default=None, ge=0)
    """Price of a million tokens that an endpoint embeds, in any currency, for the ``cost`` that is reported and can be
    gated; the cost is unknown unless set. A model on this machine costs 0."""
    answers: AnswersConfig = AnswersConfig.defaults()
