"""Words of the corpus that mean nearly what those of a question mean, by the embedder's vectors of single words."""

import contextlib
import io
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ragcli.index.lexical.analysis import Analysis
from ragcli.models import Embedder
from ragcli.models.files import write_atomically
from ragcli.models.fingerprints import hash_parts
from ragcli.query.expand import WORD

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragcli.index.reader import Generation

_VERSION = 1
_MOST_WORDS = 20_000  # of the corpus, the most frequent ones
_FEWEST_CHUNKS = 2  # a word in fewer is a slip or a name
_SHARE = 0.5  # a word in more of all chunks than this says nothing


class Synonym(NamedTuple):
    """A word of the corpus, and the word of the question that it is near to."""

    word: str
    of: str


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """Words of a corpus: their terms, their commonest spelling and their unit vectors, float32 [n, d]."""

    terms: "NDArray[np.str_]"
    words: "NDArray[np.str_]"
    vectors: "NDArray[np.float32]"


class Synonyms:
    """Finds neighbours of words.

    The vectors of all words are computed once for a model and a corpus and kept in a file; deleting it costs time.

    Args:
        generation: Whose words they are.
        analysis: That of its lexical index.
        embedder: Gives the embedder of its vectors, once it is needed.
        file: Where vectors are kept.
        least_cosine: Words less alike are none.
    """

    def __init__(
        self,
        generation: "Generation",
        analysis: Analysis,
        embedder: Callable[[], Embedder],
        file: Path,
        least_cosine: float,
    ) -> None:
        self._generation = generation
        self._analysis = analysis
        self._embedder = embedder
        self._file = file
        self._least = least_cosine

    def of(self, question: str, most: int) -> list[Synonym]:
        """The nearest words to any of a question, nearest first; none shares a term with it."""
        import numpy as np

        known = self._vocabulary
        asked = {term: word for term, word in self._analysis.words(question) if WORD.fullmatch(word)}
        if not asked or not len(known.words):
            return []
        near = self._embedder().embed_documents([word.lower() for word in asked.values()]) @ known.vectors.T
        near[:, np.isin(known.terms, self._analysis.terms(question))] = -1.0
        closest, cosines = near.argmax(axis=0), near.max(axis=0)
        best = np.argsort(-cosines, kind="stable")[:most]
        spelt = list(asked.values())
        return [
            Synonym(str(known.words[place]), spelt[closest[place]]) for place in best if cosines[place] >= self._least
        ]

    @cached_property
    def _vocabulary(self) -> _Vocabulary:
        import numpy as np

        corpus, model = self._generation.manifest.fingerprints["corpus"], self._embedder().fingerprint
        identity = hash_parts(_VERSION, corpus, model, self._analysis.name)
        before = self._read()
        if before is not None and before["identity"].item() == identity:
            return _Vocabulary(before["terms"], before["words"], before["vectors"].astype(np.float32))
        terms, words = self._words()
        same_model = before is not None and before["model"].item() == model
        known = dict(zip(before["words"].tolist(), before["vectors"], strict=True)) if before and same_model else {}
        new = [word for word in words if word not in known]
        known.update(zip(new, self._embedder().embed_documents(new).astype(np.float16), strict=True) if new else ())
        vectors = np.stack([known[word] for word in words]) if words else np.empty((0, 0), np.float16)
        written = io.BytesIO()
        np.savez(written, identity=identity, model=model, terms=np.array(terms), words=np.array(words), vectors=vectors)
        with contextlib.suppress(OSError):  # a workspace that is read-only costs time alone
            write_atomically(self._file, written.getvalue())
        return _Vocabulary(np.array(terms), np.array(words), vectors.astype(np.float32))

    def _read(self) -> "dict[str, NDArray[Any]] | None":
        import numpy as np

        try:
            with np.load(self._file, allow_pickle=False) as found:
                return {name: found[name] for name in ("identity", "model", "terms", "words", "vectors")}
        except (OSError, ValueError, KeyError, EOFError):
            return None

    def _words(self) -> tuple[list[str], list[str]]:
        """Terms and spellings of the words worth to compare, the most frequent first."""
        chunks: Counter[str] = Counter()
        spellings: dict[str, Counter[str]] = defaultdict(Counter)
        rows = self._generation.chunk_rows.tolist()
        for text in self._generation.catalog.index_texts(rows):
            own = {term: word.lower() for term, word in self._analysis.words(text.text) if WORD.fullmatch(word)}
            chunks.update(own.keys())
            for term, word in own.items():
                spellings[term][word] += 1
        within = max(_FEWEST_CHUNKS, _SHARE * len(rows))
        terms = [term for term, count in chunks.items() if _FEWEST_CHUNKS <= count <= within]
        terms = sorted(terms, key=lambda term: (-chunks[term], term))[:_MOST_WORDS]
        return terms, [min(spellings[term].items(), key=lambda one: (-one[1], one[0]))[0] for term in terms]
