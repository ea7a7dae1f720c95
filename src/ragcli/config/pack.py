"""Settings of the context that an answer is made from."""

from typing import Literal

from pydantic import Field

from ragcli.config.base import Settings


class PackConfig(Settings):
    """From hits to a context: the most relevant text that a model's budget holds, never the same text twice."""

    max_tokens: int = Field(default=4000, ge=64, le=10_000_000)
    """Budget of one conversation with the model: instructions, question, context and reply."""
    reserve_tokens: int = Field(default=500, ge=1, le=1_000_000)
    """Kept free for the reply, which is never longer."""
    candidates: int = Field(default=50, ge=1, le=10_000)
    """How many hits are considered for the context; at least as many as are returned."""
    order: Literal["relevance", "document", "edges"] = "relevance"
    """``document``: as the documents have it, the best document first; ``edges``: the best at both ends, the least
    relevant in the middle, which models read least."""
    model: str = ""
    """Whose tokens and prices count; the answerer's model unless set."""
    encoding: str = ""
    """A tiktoken encoding, ``embedder`` or ``words``; the model's own unless set."""
    fallback_encoding: str = "cl100k_base"
    """Counts tokens for a model that tiktoken does not know, or whose vocabulary is not on this machine."""
    max_cost: float | None = Field(default=None, gt=0)
    """The most that a question may cost, in the currency of the prices; an unknown price is then an error."""
