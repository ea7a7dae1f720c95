"""Chunkers on Chroma's chunking evaluation, with its exact metric, under the rows that were published.

    python benchmarks/chunking.py --data DIR [--cache DIR]

DIR holds corpora/*.md and questions_df.csv of https://github.com/brandonstarxel/chunking_evaluation. All corpora make
one collection; each question takes the five chunks of highest cosine. A row's size is the mean of cl100k tokens.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from chunking_metric import Chunked, Question, Range, Scores, judge, precision_omega, read_questions
from late import SpanEmbedder
from measure import interleave, table, verdict
from numpy.typing import NDArray

from ragcli.config.index import ContextConfig, SentenceTransformersConfig, TantivyConfig
from ragcli.config.ingest import (
    Breakpoints,
    ChunkerConfig,
    FixedChunkerConfig,
    ProseChunkerConfig,
    StructuredChunkerConfig,
)
from ragcli.config.models import ModelsConfig
from ragcli.config.query import MinMaxConfig
from ragcli.index.context import with_neighbours
from ragcli.index.embed import CachedEmbedding, Item, embedding_key
from ragcli.index.lexical.build import open_lexical, update_lexical
from ragcli.index.progress import NoProgress
from ragcli.ingest.chunkers.build import build_chunker
from ragcli.ingest.chunkers.ruler import Ruler
from ragcli.ingest.loaders.markdown import markdown_blocks
from ragcli.models.build import build_embedder, token_limit
from ragcli.models.tokens import build_token_counter
from ragcli.query.fuse import Arm, Ranking, fuse
from ragcli.records import Document
from ragcli.workspace.catalog import Catalog, IndexText

Vectors = NDArray[np.float32]
Embed = Callable[[Sequence[str]], Vectors]
T = TypeVar("T")

SOURCE = "https://research.trychroma.com/evaluating-chunking"
# all-MiniLM-L6-v2, five chunks: chunker, size, recall, precision, PrecisionOmega, IoU
PUBLISHED = (
    ("Recursive 250/125", 180, 78.7, 4.9, 21.9, 4.9),
    ("TokenText 250/125", 250, 82.4, 3.6, 11.4, 3.5),
    ("Recursive 250", 162, 78.5, 5.4, 26.7, 5.4),
    ("TokenText 250", 250, 77.1, 3.3, 16.4, 3.3),
    ("Recursive 200", 128, 75.7, 6.5, 31.2, 6.5),
    ("TokenText 200", 200, 76.6, 4.1, 19.1, 4.1),
    ("Cluster 250", 168, 77.3, 6.1, 28.6, 6.0),
    ("Cluster 200", 102, 75.2, 7.2, 33.6, 7.2),
)
TOP_K = 5
CANDIDATES = 100
NEIGHBOURS = ContextConfig().neighbours
EMBEDDER, MODELS = SentenceTransformersConfig(), ModelsConfig()
# Small enough to embed again for every timing; the other corpora take minutes.
TIMED = ("chatlogs", "state_of_the_union")
LATE_WINDOW_TOKENS = 250
LATE_SHARE = 0.7
PAIRS = (
    ("prose 68, breakpoints none", "prose 68, breakpoints none, chunks alone"),
    ("prose 100, lexical (default)", "prose 100, lexical, chunks alone"),
    ("prose 100, lexical (default)", "prose 68, breakpoints none"),
    ("prose 95, semantic", "prose 100, lexical (default)"),
    ("prose 100, lexical (default)", "prose 100, lexical, late chunking"),
    ("prose 195, lexical", "prose 124, none"),
    ("prose 187, semantic", "prose 195, lexical"),
)
TARGETS = {"about 100 tokens": (77.0, 8.5), "about 170 tokens": (80.0, 6.5)}


@dataclass(frozen=True, slots=True)
class Contender:
    """A chunker, and how its chunks become vectors.

    Attributes:
        mode: What its index time is measured as.
        late: Mix in the vector pooled over the chunk inside a window of its surroundings (late chunking).
        target: The name of the target it is to reach.
    """

    name: str
    chunker: ChunkerConfig
    mode: str
    neighbours: tuple[float, ...] = NEIGHBOURS
    tokenizer: str = "embedder"
    late: bool = False
    hybrid: bool = False
    target: str = ""


class Vectoriser:
    """Vectors through the catalog's cache: a second run embeds nothing."""

    def __init__(self, cache: Path) -> None:
        cache.mkdir(parents=True, exist_ok=True)
        self.embedder = build_embedder(EMBEDDER, MODELS)
        self.late = SpanEmbedder(EMBEDDER, MODELS)
        self._catalog = Catalog(cache / "chunking.db")

    def texts(self, texts: Sequence[str]) -> Vectors:
        """Vectors of documents' texts."""
        items = (Item(embedding_key(self.embedder.fingerprint, text), text, len(text)) for text in texts)
        return self._cached(self.embedder.embed_documents, items, len(texts))

    def spans(self, texts: Sequence[str], spans: Sequence[Range]) -> Vectors:
        """Vectors of one span in each text."""

        def embed(places: Sequence[int]) -> Vectors:
            return self.late.embed([texts[place] for place in places], [spans[place] for place in places])

        keys = (embedding_key(self.embedder.fingerprint, "span", texts[place], str(span))
                for place, span in enumerate(spans))  # fmt: skip
        items = (Item(key, place, len(texts[place])) for place, key in enumerate(keys))
        return self._cached(embed, items, len(texts))

    def _cached(self, compute: Callable[[Sequence[T]], Vectors], items: Iterator[Item[T]], count: int) -> Vectors:
        shape = (count, self.embedder.dimension)
        return CachedEmbedding(self._catalog, compute, shape, NoProgress()).run(items).vectors


def read_documents(folder: Path) -> list[Document]:
    """The corpora, with the blocks that Markdown has; the prose chunker does not look at those."""
    documents = []
    for file in sorted((folder / "corpora").glob("*.md")):
        text = file.read_bytes().decode("utf-8")  # offsets count the line breaks as they are
        blocks = tuple(markdown_blocks(text))
        documents.append(Document(file.stem, file.stem, "corpora", file.name, "markdown", file.stem, text, blocks))
    return documents


def cut_all(contender: Contender, documents: Sequence[Document], embed: Embed) -> Chunked:
    """The chunks of all documents."""
    counter = build_token_counter(contender.tokenizer, EMBEDDER, MODELS)
    # The published windows of 200 cl100k tokens are longer, at times, than the model's own limit.
    limit = token_limit(EMBEDDER, MODELS) if contender.tokenizer == "embedder" else None
    chunker = build_chunker(contender.chunker, counter, limit, embed)
    chunked = Chunked()
    for document in documents:
        chunked.add(document, chunker.chunk(document))
    return chunked


def windows(chunked: Chunked, documents: Sequence[Document]) -> tuple[list[str], list[Range]]:
    """The surroundings of each chunk, and where it stands in them."""
    counter = build_token_counter("embedder", EMBEDDER, MODELS)
    rulers = {document.name: Ruler(document.text, counter) for document in documents}
    texts, spans = [], []
    for chunk, corpus in zip(chunked.chunks, chunked.corpora, strict=True):
        ruler = rulers[corpus]
        first, last = ruler.tokens(0, chunk.start), ruler.tokens(0, chunk.end)
        around = max(0, LATE_WINDOW_TOKENS - (last - first)) // 2
        start = min(chunk.start, ruler.spans[max(0, first - around)][0])
        end = max(chunk.end, ruler.spans[min(len(ruler.spans), last + around) - 1][1])
        texts.append(ruler.text[start:end])
        spans.append((chunk.start - start, chunk.end - start))
    return texts, spans


def vectors_of(
    contender: Contender,
    chunked: Chunked,
    documents: Sequence[Document],
    embed: Embed,
    embed_spans: Callable[[Sequence[str], Sequence[Range]], Vectors],
) -> Vectors:
    """One vector a chunk, in the contender's manner."""
    texts = [chunk.embedded_text for chunk in chunked.chunks]
    vectors = embed(texts)
    if contender.late:
        pooled = embed_spans(*windows(chunked, documents))
        vectors = (1 - LATE_SHARE) * vectors + LATE_SHARE * pooled
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    _, numbers = np.unique(chunked.corpora, return_inverse=True)
    return with_neighbours(vectors, numbers.tolist(), [len(text) for text in texts], contender.neighbours)


def fused(questions: Sequence[Question], chunked: Chunked, scores: Vectors) -> list[list[int]]:
    """The first chunks of a hybrid search, by the project's own BM25 and default fusion."""
    texts = (IndexText(row, 0, c.start, c.end, c.prefix, c.text) for row, c in enumerate(chunked.chunks))
    best: list[list[int]] = []
    with tempfile.TemporaryDirectory() as folder:
        update_lexical(Path(folder) / "lexical", None, TantivyConfig(), texts, [])
        index = open_lexical(Path(folder) / "lexical", TantivyConfig())
        for question, score in zip(questions, scores, strict=True):
            rows = np.argsort(-score, kind="stable")[:CANDIDATES]
            lexical = Ranking(*index.search(question.text, CANDIDATES))
            rankings: dict[Arm, Ranking] = {"dense": Ranking(score[rows], rows), "lexical": lexical}
            best.append([result.row for result in fuse(rankings, MinMaxConfig())[:TOP_K]])
    return best


def index_seconds(contender: Contender, documents: Sequence[Document], vectoriser: Vectoriser) -> float:
    """Chunking and embedding, nothing cached."""
    started = time.perf_counter()
    embed = vectoriser.embedder.embed_documents
    vectors_of(contender, cut_all(contender, documents, embed), documents, embed, vectoriser.late.embed)
    return time.perf_counter() - started


def prose(size: int, breakpoints: Breakpoints) -> ProseChunkerConfig:
    return ProseChunkerConfig(size_tokens=size, breakpoints=breakpoints)


def contenders() -> list[Contender]:
    """Our rows. Sizes are set so that rows to be compared have chunks of like length."""
    small, large = "about 100 tokens", "about 170 tokens"
    fixed, alone = FixedChunkerConfig(size_tokens=200, overlap_tokens=0), ()
    return [
        Contender("fixed 200, cl100k, chunks alone", fixed, "", alone, tokenizer="cl100k_base"),
        Contender("prose 68, breakpoints none, chunks alone", prose(68, "none"), "plain", alone),
        Contender("prose 68, breakpoints none", prose(68, "none"), "plain"),
        Contender("prose 100, lexical, chunks alone", prose(100, "lexical"), "lexical", alone),
        Contender("prose 100, lexical (default)", ProseChunkerConfig(), "lexical", target=small),
        Contender("prose 100, lexical, late chunking", prose(100, "lexical"), "late", alone, late=True),
        Contender("prose 100, lexical, hybrid (default)", ProseChunkerConfig(), "lexical", hybrid=True),
        Contender("structured 100, lexical (default)", StructuredChunkerConfig(), "lexical"),
        Contender("prose 95, semantic", prose(95, "semantic"), "semantic", target=small),
        Contender("prose 124, none, chunks alone", prose(124, "none"), "plain", alone),
        Contender("prose 124, none", prose(124, "none"), "plain"),
        Contender("prose 195, lexical", prose(195, "lexical"), "lexical", target=large),
        Contender("prose 190, lexical", prose(190, "lexical"), "lexical", target=large),
        Contender("prose 180, semantic", prose(180, "semantic"), "semantic", target=large),
        Contender("prose 187, semantic", prose(187, "semantic"), "semantic", target=large),
    ]


@dataclass(frozen=True, slots=True)
class Row:
    """What a contender came to; size in cl100k tokens, PrecisionOmega in percent."""

    contender: Contender
    size: float
    omega: float
    scores: Scores


def measure(contender: Contender, questions: Sequence[Question], documents: Sequence[Document], models: Vectoriser,
            asked: Vectors) -> Row:  # fmt: skip
    """Cut, embed, retrieve, judge."""
    print(f"  {contender.name}", file=sys.stderr)
    chunked = cut_all(contender, documents, models.texts)
    scores = asked @ vectors_of(contender, chunked, documents, models.texts, models.spans).T
    if contender.hybrid:
        best = fused(questions, chunked, scores)
    else:
        best = np.argsort(-scores, axis=1, kind="stable")[:, :TOP_K].tolist()
    counter = build_token_counter("cl100k_base", EMBEDDER, MODELS)
    size = float(np.mean([counter.count(chunk.text) for chunk in chunked.chunks]))
    return Row(contender, size, precision_omega(questions, chunked), judge(questions, chunked, best))


def result_table(rows: Sequence[Row], costs: Mapping[str, float]) -> str:
    """Published rows, then ours."""
    lines: list[list[object]] = [[f"published: {name}", *values, ""] for name, *values in PUBLISHED]
    for row in rows:
        means = (row.scores.recall.mean(), row.scores.precision.mean(), row.omega, row.scores.iou.mean())
        cost = f"{costs[row.contender.mode]:.2f}x" if row.contender.mode else ""
        lines.append([row.contender.name, f"{row.size:.0f}", *(f"{mean:.1f}" for mean in means), cost])
    return table(["chunker", "size", "recall", "precision", "PrecisionΩ", "IoU", "index time"], lines)


def target_table(rows: Sequence[Row]) -> str:
    """Which targets were reached."""
    lines = []
    for row in rows:
        if row.contender.target:
            recall, iou = TARGETS[row.contender.target]
            found = (float(row.scores.recall.mean()), float(row.scores.iou.mean()))
            lines.append([row.contender.target, f"{row.contender.name} ({row.size:.0f})",
                          f"{found[0]:.1f} of {recall}", verdict(found[0], recall, at_least=True),
                          f"{found[1]:.2f} of {iou}", verdict(found[1], iou, at_least=True)])  # fmt: skip
    return table(["target", "chunker (size)", "recall", "", "IoU", ""], lines)


def paired_table(rows: Sequence[Row]) -> str:
    """Differences question by question, with their standard errors."""
    by_name = {row.contender.name: row.scores for row in rows}
    lines = []
    for name, base in PAIRS:
        cells = []
        for metric in ("recall", "iou"):
            difference = getattr(by_name[name], metric) - getattr(by_name[base], metric)
            cells.append(f"{difference.mean():+.2f} ± {difference.std() / np.sqrt(len(difference)):.2f}")
        lines.append([name, base, *cells])
    return table(["chunker", "against", "recall", "IoU"], lines)


def costs_of(documents: Sequence[Document], vectoriser: Vectoriser, rounds: int) -> dict[str, float]:
    """Index time of every mode as a multiple of plain chunking, at chunks of about 100 tokens."""
    timed = [document for document in documents if document.name in TIMED]
    modes = {"plain": prose(68, "none"), "lexical": prose(100, "lexical"), "semantic": prose(95, "semantic"),
             "late": prose(100, "lexical")}  # fmt: skip
    taken = interleave(
        {
            mode: partial(index_seconds, Contender(mode, chunker, mode, late=mode == "late"), timed, vectoriser)
            for mode, chunker in modes.items()
        },
        rounds,
    )
    return {mode: timing.ratio_to(taken["plain"]) for mode, timing in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True, help="folder of the chunking evaluation")
    parser.add_argument("--cache", type=Path, help="keep vectors here, to measure again without embedding")
    parser.add_argument("--rounds", type=int, default=3, help="of the timing")
    arguments = parser.parse_args()
    documents, questions = read_documents(arguments.data), read_questions(arguments.data)
    with tempfile.TemporaryDirectory() as folder:
        models = Vectoriser(arguments.cache or Path(folder))
        asked = models.embedder.embed_queries([question.text for question in questions])
        rows = [measure(contender, questions, documents, models, asked) for contender in contenders()]
        costs = costs_of(documents, models, arguments.rounds)
    print(f"## Chunkers on Chroma's evaluation\n\n{len(questions)} questions, five chunks each, all-MiniLM-L6-v2; "
          f"published rows from {SOURCE}; size in cl100k tokens. The number in a chunker's name is `size_tokens`, in "
          "the embedder's tokens. Index time is that of chunking and embedding, next to cutting by size and paragraph "
          f"alone, {arguments.rounds} interleaved rounds over {' and '.join(TIMED)}.\n")  # fmt: skip
    print(result_table(rows, costs))
    print(f"\n{target_table(rows)}\n\nDifferences by question, ± standard error:\n\n{paired_table(rows)}")


if __name__ == "__main__":
    main()
