"""Settings of ingestion: sources, loaders, chunkers, limits."""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from ragcli.config.base import Settings


class JsonLoaderConfig(Settings):
    """Which fields of a JSON or JSONL record mean what. A dotted name reaches into nested objects."""

    text: tuple[str, ...] = ("text", "content", "body")
    """Fields that hold the text: the first that is present, unless ``join_text`` is set."""
    join_text: bool = False
    """Join all present text fields instead of taking the first."""
    id: tuple[str, ...] = ("_id", "id")
    """Fields that may hold the record's id, first match wins."""
    title: tuple[str, ...] = ("title", "name", "subject")
    """Fields that may hold the title, first match wins."""
    metadata: tuple[str, ...] | None = None
    """Fields kept as metadata; all remaining scalar fields unless set."""
    title_in_text: bool = True
    """Put the title in front of the text, as BEIR's own models do."""


class CsvLoaderConfig(Settings):
    """How a table of values becomes text."""

    rows_per_document: int = Field(default=0, ge=0)
    """Split a file into documents of this many rows; 0 keeps one document a file."""
    delimiter: str = Field(default="", max_length=1)
    """Field separator; found out from the file when empty."""


class HtmlLoaderConfig(Settings):
    """How web pages are read."""

    drop_boilerplate: bool = True
    """Leave out navigation, headers, footers, scripts, forms and the like."""


class LoadersConfig(Settings):
    """Settings per loader."""

    json_: JsonLoaderConfig = Field(default=JsonLoaderConfig.defaults(), alias="json")
    csv: CsvLoaderConfig = CsvLoaderConfig.defaults()
    html: HtmlLoaderConfig = HtmlLoaderConfig.defaults()


Breakpoints: TypeAlias = Literal["none", "lexical", "semantic"]


class _Sized(Settings):
    size_tokens: int = Field(default=100, ge=8, le=100_000)
    """Aim for chunks of about this many tokens; the embedder's limit is always kept."""
    min_tokens: int = Field(default=20, ge=0)
    """A chunk smaller than this is merged with a neighbour where one has room."""

    @model_validator(mode="after")
    def _min_below_size(self) -> "_Sized":
        if self.min_tokens >= self.size_tokens:
            raise ValueError(f"min_tokens ({self.min_tokens}) must be below size_tokens ({self.size_tokens})")
        return self


class _Divided(_Sized):
    breakpoints: Breakpoints = "lexical"
    """What tells where the subject changes: ``lexical``, the words that sentences share; ``semantic``, their vectors by
    the embedder, which embeds all text once more (for files of megabytes raise ``limits.max_parse_s``); ``none``."""


class ProseChunkerConfig(_Divided):
    """Whole sentences, paragraphs kept together."""

    kind: Literal["prose"] = "prose"
    breadcrumb: bool = True
    """Put the document's title into the embedded text of its chunks."""


class StructuredChunkerConfig(_Divided):
    """Sections with a heading breadcrumb; tables, lists and code kept whole while they fit."""

    kind: Literal["structured"] = "structured"
    breadcrumb: bool = True
    """Put the document's title and the headings above a chunk into its embedded text."""


class CodeChunkerConfig(_Sized):
    """Whole functions, classes and methods, found by a parser."""

    kind: Literal["code"] = "code"
    size_tokens: int = Field(default=200, ge=8, le=100_000)
    """Definitions of up to half as much again are kept whole; the embedder's limit is always kept."""


class FixedChunkerConfig(Settings):
    """Token windows: the baseline."""

    kind: Literal["fixed"] = "fixed"
    size_tokens: int = Field(default=512, ge=1, le=100_000)
    """Window length."""
    overlap_tokens: int = Field(default=50, ge=0)
    """Tokens shared by neighbouring windows."""

    @model_validator(mode="after")
    def _overlap_below_size(self) -> "FixedChunkerConfig":
        if self.overlap_tokens >= self.size_tokens:
            raise ValueError(f"overlap_tokens ({self.overlap_tokens}) must be below size_tokens ({self.size_tokens})")
        return self


class WholeChunkerConfig(Settings):
    """One chunk a document; the embedder sees its beginning. For short records and for published benchmarks."""

    kind: Literal["whole"] = "whole"


class AutoChunkerConfig(Settings):
    """Chooses per document: code by its syntax, documents with headings by their structure, the rest as prose."""

    kind: Literal["auto"] = "auto"
    prose: ProseChunkerConfig = ProseChunkerConfig.defaults()
    structured: StructuredChunkerConfig = StructuredChunkerConfig.defaults()
    code: CodeChunkerConfig = CodeChunkerConfig.defaults()


ChunkerConfig = Annotated[
    AutoChunkerConfig
    | StructuredChunkerConfig
    | ProseChunkerConfig
    | CodeChunkerConfig
    | FixedChunkerConfig
    | WholeChunkerConfig,
    Field(discriminator="kind"),
]


class SourceConfig(Settings):
    """One file or folder to ingest, with its own settings."""

    path: Path
    """File or folder; relative to the configuration file."""
    name: str = ""
    """Stable name of the source, part of every document id; the path as written unless set."""
    include: tuple[str, ...] = ()
    """Globs of the files to take, relative to the folder; every supported type unless set."""
    exclude: tuple[str, ...] = ()
    """Globs of the files to leave out."""
    gitignore: bool = True
    """Leave out what .gitignore files name."""
    hidden: bool = False
    """Take files and folders whose name starts with a dot."""
    metadata: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """Added to every document of this source."""
    chunker: ChunkerConfig | None = None
    """Chunker for this source; ``ingest.chunker`` unless set."""
    loaders: LoadersConfig | None = None
    """Loader settings for this source; ``ingest.loaders`` unless set."""


class LimitsConfig(Settings):
    """Bounds on what a stranger's file may cost."""

    max_file_bytes: int = Field(default=256 * 2**20, ge=1)
    """Larger files are refused and listed."""
    max_text_chars: int = Field(default=64 * 2**20, ge=1)
    """Longer extracted texts are refused and listed."""
    max_unpacked_bytes: int = Field(default=512 * 2**20, ge=1)
    """Zip-based formats that unpack to more are refused as bombs."""
    max_parse_s: float = Field(default=120.0, gt=0)
    """Processor time that a file may cost per started 8 MiB of it; then its worker is stopped and the file listed."""


class IngestConfig(Settings):
    """From files to documents to chunks."""

    sources: tuple[SourceConfig, ...] = ()
    """What ``ragcli ingest`` reads when it is given no paths."""
    loaders: LoadersConfig = LoadersConfig.defaults()
    chunker: ChunkerConfig = AutoChunkerConfig.defaults()
    tokenizer: str = "embedder"
    """What counts tokens: ``embedder`` (its own tokenizer) or a tiktoken encoding such as ``cl100k_base``."""
    dedupe: bool = False
    """Keep only the first of documents with exactly equal text."""
    max_delete_fraction: float = Field(default=0.5, ge=0, le=1)
    """A run that would remove more than this share of its sources' documents is refused."""
    limits: LimitsConfig = LimitsConfig.defaults()
    workers: int = Field(default=0, ge=0, le=256)
    """Processes that parse files; 0 takes every core this process may use, for runs large enough to gain."""
