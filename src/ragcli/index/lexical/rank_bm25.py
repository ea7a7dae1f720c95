"""BM25 by rank_bm25's BM25Okapi: plain Python over all chunks, for small corpora and for comparison.

Its own idf turns negative for a term in more than half of the chunks and is then replaced by a fraction of the
average, which in a small corpus may be negative too and turns the ranking round. Here idf is Lucene's
ln(1 + (N - n + 0.5) / (n + 0.5)), always positive, the one that tantivy uses.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragcli.config.index import RankBm25Config
from ragcli.errors import IndexCorruptError, IndexStaleError
from ragcli.index.lexical.analysis import Analysis
from ragcli.workspace.catalog import IndexText

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_TERMS = "terms.json"
_ROWS = "rows.npy"


class RankBm25Index:
    """See ``LexicalIndex``.

    Args:
        directory: What ``update_rank_bm25`` made.
        config: With the language it was made with; ``k1`` and ``b`` take effect at once.

    Raises:
        IndexCorruptError: The directory is damaged or missing.
        IndexStaleError: It was made for another language, or by another version of the analysis.
    """

    def __init__(self, directory: Path, config: RankBm25Config) -> None:
        self._analysis = Analysis(config.language, config.stop_words)
        self._rows, documents = _load(directory, self._analysis)
        self._scorer = _scorer([document.split() for document in documents], config)

    def __len__(self) -> int:
        """See ``LexicalIndex``."""
        return len(self._rows)

    def search(
        self, text: str, top_k: int, allowed: "NDArray[np.int64] | None" = None
    ) -> "tuple[NDArray[np.float32], NDArray[np.int64]]":
        """See ``LexicalIndex``."""
        import numpy as np

        question = self._analysis.question(text)
        if self._scorer is None or not question.terms:
            return np.empty(0, dtype=np.float32), np.empty(0, dtype=np.int64)
        scores = self._scorer.get_scores(question.terms).astype(np.float32)
        kept = scores > 0
        if allowed is not None:
            kept &= np.isin(self._rows, allowed)
        scores, rows = scores[kept], self._rows[kept]
        order = np.lexsort((rows, -scores))[:top_k]
        return scores[order], rows[order]

    def chunk_counts(self, terms: Sequence[str]) -> list[int]:
        """See ``LexicalIndex``."""
        frequencies = [] if self._scorer is None else self._scorer.doc_freqs
        return [sum(term in document for document in frequencies) for term in terms]


def update_rank_bm25(
    directory: Path, parent: Path | None, config: RankBm25Config, added: Iterable[IndexText], removed: Sequence[int]
) -> None:
    """Make an index from its parent; see ``update_tantivy``, whose arguments and errors these are."""
    import numpy as np

    analysis = Analysis(config.language, config.stop_words)
    directory.mkdir(parents=True, exist_ok=True)
    documents: dict[int, str] = {}
    if parent is not None:
        rows, texts = _load(parent, analysis)
        documents = dict(zip(rows.tolist(), texts, strict=True))
    for row in removed:
        documents.pop(int(row), None)
    for text in added:
        documents[text.row] = " ".join(analysis.terms(text.embedded_text))
    ordered = sorted(documents)
    np.save(directory / _ROWS, np.array(ordered, dtype=np.int64), allow_pickle=False)
    content = {"analysis": analysis.name, "documents": [documents[row] for row in ordered]}
    (directory / _TERMS).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def _load(directory: Path, analysis: Analysis) -> "tuple[NDArray[np.int64], list[str]]":
    import numpy as np

    try:
        content = json.loads((directory / _TERMS).read_text("utf-8"))
        rows: NDArray[np.int64] = np.load(directory / _ROWS, allow_pickle=False)
        documents: list[str] = content["documents"]
        made_by = content["analysis"]
        if len(documents) != len(rows):
            raise ValueError(f"{len(rows)} rows for {len(documents)} chunks")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IndexCorruptError(f"the lexical index {directory} is damaged: {error}", hint="ragcli doctor") from error
    if made_by != analysis.name:
        raise IndexStaleError(
            f"the lexical index was made by the analysis {made_by}, the settings ask for {analysis.name}",
            hint="ragcli index",
        )
    return rows, documents


def _scorer(documents: list[list[str]], config: RankBm25Config) -> Any:
    """A BM25Okapi with positive idf; None where there is no term at all, which it cannot hold."""
    from rank_bm25 import BM25Okapi

    if not any(documents):
        return None
    scorer = BM25Okapi(documents, k1=config.k1, b=config.b)
    frequencies = Counter(term for document in scorer.doc_freqs for term in document)
    scorer.idf = {
        term: math.log(1 + (len(documents) - count + 0.5) / (count + 0.5)) for term, count in frequencies.items()
    }
    return scorer
