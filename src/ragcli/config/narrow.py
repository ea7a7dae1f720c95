"""Settings of narrowing a search before it, and of widening its hits after it."""

from typing import Annotated, Literal

from pydantic import Field

from ragcli.config.base import Settings


class NoNarrowingConfig(Settings):
    """All chunks are searched."""

    kind: Literal["none"] = "none"


class HierarchicalConfig(Settings):
    """Documents first, by their summaries (``index.summaries``), then only the chunks within the best of them."""

    kind: Literal["hierarchical"] = "hierarchical"
    top_documents: int = Field(default=50, ge=1, le=100_000)
    """How many documents are searched for chunks."""


NarrowConfig = Annotated[NoNarrowingConfig | HierarchicalConfig, Field(discriminator="kind")]


class NoSurroundingsConfig(Settings):
    """A hit is its chunk."""

    kind: Literal["none"] = "none"


class SectionConfig(Settings):
    """A hit comes with the chunks around it that lie under the same headings, in a context too where they fit."""

    kind: Literal["section"] = "section"
    max_tokens: int = Field(default=1024, ge=1)
    """Of a longer section, the chunks nearest to the hit."""


class NeighboursConfig(Settings):
    """A hit comes with the chunks before and after it, in a context too where they fit."""

    kind: Literal["neighbours"] = "neighbours"
    chunks: int = Field(default=1, ge=1, le=100)
    """How many on either side."""
    max_tokens: int = Field(default=4096, ge=1)
    """Of more than that, the nearest to the hit."""


SurroundingsConfig = Annotated[NoSurroundingsConfig | SectionConfig | NeighboursConfig, Field(discriminator="kind")]
