"""Whether an answer cites what is relevant: precision and recall of its citations against the judgements.

Precision: of the citations, the share that overlaps a judged span by at least one character. Recall: of the judged
spans, the share that a citation overlaps. A question without judged spans is scored by its judged documents and chunks
instead. An answer that cites nothing has 0 for both: it is counted like a query for which nothing was retrieved.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ragcli.evaluate.answers.rows import Citation
from ragcli.evaluate.spans import Range


@dataclass(frozen=True, slots=True)
class Relevant:
    """What a question's citations are held against.

    Attributes:
        spans: Judged spans; their documents are called as citations call them.
        documents: Names of relevant documents, or ids of relevant chunks.
    """

    spans: tuple[Range, ...] = ()
    documents: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.spans or self.documents)


def citation_precision(citations: Sequence[Citation], relevant: Relevant) -> float:
    """Share of the distinct citations that hit something relevant."""
    distinct = set(citations)
    return sum(bool(_hits(citation, relevant)) for citation in distinct) / len(distinct) if distinct else 0.0


def citation_recall(citations: Sequence[Citation], relevant: Relevant) -> float:
    """Share of what is relevant that a citation hits; 0 where nothing is."""
    wanted = len(set(relevant.spans)) or len(relevant.documents)
    found = {hit for citation in citations for hit in _hits(citation, relevant)}
    return len(found) / wanted if wanted else 0.0


def _hits(citation: Citation, relevant: Relevant) -> set[Range] | set[str]:
    """The judged spans, or else documents and chunks, that a citation hits."""
    if relevant.spans:
        return {span for span in relevant.spans if _overlaps(citation, span)}
    return {citation.document, citation.chunk_id} & relevant.documents


def _overlaps(citation: Citation, span: Range) -> bool:
    if citation.document != span.document:
        return False
    return citation.end < 0 or (citation.start < span.end and span.start < citation.end)
