"""Settings of query expansion: further ways to ask the same question."""

from typing import Annotated, Literal

from pydantic import Field

from ragcli.config.base import Settings
from ragcli.config.endpoint import EndpointSettings

MULTI_QUERY_PROMPT = """\
Write $variations different search queries that would find documents which answer the question below. Use other words
and another angle in each. One query a line, nothing else.

Question: $question
"""
HYDE_PROMPT = """\
Write a short passage, as it might stand in a document, that answers the question below. Nothing but the passage.

Question: $question
"""
DECOMPOSE_PROMPT = """\
If the question below asks for several things at once, write the simple questions it is made of, at most $variations,
one a line. If it asks for one thing only, repeat it. Nothing else.

Question: $question
"""


class NoExpansionConfig(Settings):
    """Every question is asked as it is."""

    kind: Literal["none"] = "none"


class FeedbackConfig(Settings):
    """Variations made offline from the corpus: acronyms spelt out, and words of the chunks that words find first."""

    kind: Literal["feedback"] = "feedback"
    variations: int = Field(default=3, ge=1, le=16)
    """How many beside the question itself, at most."""
    weight: float = Field(default=0.25, gt=0, le=1)
    """What a variation counts in the fusion; the question itself counts 1."""
    chunks: int = Field(default=8, ge=1, le=100)
    """Chunks whose words are looked at."""
    terms: int = Field(default=3, ge=1, le=50)
    """Words that are added to the question."""
    synonyms: int = Field(default=0, ge=0, le=50)
    """Words of the corpus nearest in meaning to any of the question, which one variation adds; 0 for none. All words of
    the corpus are embedded once."""
    least_cosine: float = Field(default=0.6, ge=-1, le=1)
    """Words less alike are no synonyms."""


class ChatExpansionConfig(EndpointSettings):
    """What the kinds that ask a language model share."""

    weight: float = Field(default=1.0, gt=0, le=1)
    """What a variation counts in the fusion; the question itself counts 1."""
    max_tokens: int = Field(default=512, ge=16)
    """Longest reply."""
    concurrency: int = Field(default=4, ge=1, le=64)
    """How many questions are put to the model at a time."""


class MultiQueryConfig(ChatExpansionConfig):
    """Variations written by a language model, which is sent the question.

    The key is read from OPENAI_API_KEY for api.openai.com, from RAGCLI_EXPAND_API_KEY for any other host.
    """

    kind: Literal["multi-query"] = "multi-query"
    variations: int = Field(default=3, ge=1, le=16)
    """How many beside the question itself, at most."""
    prompt: str = MULTI_QUERY_PROMPT
    """``$question`` and ``$variations`` are filled in."""


class HydeConfig(ChatExpansionConfig):
    """A hypothetical answer (Gao et al. 2022) written by a language model, whose vector is searched with."""

    kind: Literal["hyde"] = "hyde"
    prompt: str = HYDE_PROMPT
    """``$question`` is filled in."""


class DecomposeConfig(ChatExpansionConfig):
    """The simple questions that a compound one is made of, written by a language model."""

    kind: Literal["decompose"] = "decompose"
    variations: int = Field(default=4, ge=1, le=16)
    """How many beside the question itself, at most."""
    prompt: str = DECOMPOSE_PROMPT
    """``$question`` and ``$variations`` are filled in."""


ExpandConfig = Annotated[
    NoExpansionConfig | FeedbackConfig | MultiQueryConfig | HydeConfig | DecomposeConfig,
    Field(discriminator="kind"),
]
