"""A dataset of made questions, the same for the same documents and seed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from itertools import islice
from typing import TypeVar

from ragcli.errors import DataError
from ragcli.evaluate.judgements import Dataset
from ragcli.evaluate.make_dataset.asked import Refused, asked_candidates
from ragcli.evaluate.make_dataset.candidates import Candidate, distinct, offline_candidates
from ragcli.evaluate.make_dataset.endpoint import Asker
from ragcli.evaluate.make_dataset.note import SYNTHETIC
from ragcli.evaluate.make_dataset.passages import Passage, passages
from ragcli.records import Query
from ragcli.workspace.catalog import Catalog

_LEAST_CHARS = 200  # a shorter passage seldom holds an answer

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MakeOptions:
    """What to make.

    Attributes:
        count: Questions at most.
        where: Metadata filters of the documents.
        seed: Decides which of the possible questions are taken.
        asker: The language model; None makes questions without one.
    """

    count: int = 100
    where: tuple[str, ...] = ()
    seed: int = 0
    asker: Asker | None = None


@dataclass(frozen=True, slots=True)
class MadeDataset:
    """The dataset and how it came about.

    Attributes:
        kinds: Kind of question -> how many.
        possible: Candidates before choosing; with a model, passages.
        refused: Why answers of the model were left out -> how many.
    """

    dataset: Dataset
    kinds: Mapping[str, int]
    possible: int
    refused: Mapping[str, int] = field(default_factory=dict)


def make(catalog: Catalog, name: str, options: MakeOptions) -> MadeDataset:
    """Make questions with span judgements from what is ingested.

    Args:
        catalog: Open for reading.
        name: Of the dataset.
        options: What to make.

    Raises:
        DataError: Nothing is ingested, or no question can be made of it.
        BackendError: The model does not answer.
        UsageError: A filter cannot be read.
    """
    found = passages(catalog, options.where)
    refused = Refused()
    if options.asker is None:
        candidates = offline_candidates(found)
        possible = len(candidates)
        chosen = list(islice(distinct(_turns(candidates, options.seed)), options.count))
    else:
        long = [passage for passage in found if len(passage.chunk.text) >= _LEAST_CHARS] or found
        possible = len(long)
        ordered = _spread(long, options.seed)
        chosen = list(islice(distinct(asked_candidates(ordered, options.asker, refused)), options.count))
    if not chosen:
        raise DataError(
            f"no question can be made of {len(found):,} chunks",
            hint="documents with headings and full sentences are needed",
        )
    kinds = Counter(candidate.kind for candidate in chosen)
    told = asdict(refused) if options.asker is not None else {}
    return MadeDataset(_dataset(name, chosen), dict(sorted(kinds.items())), possible, told)


def _dataset(name: str, chosen: Sequence[Candidate]) -> Dataset:
    by_id = {f"{SYNTHETIC}-{_digest(one.question, one.span.document)[:8]}": one for one in chosen}
    return Dataset(
        name=name,
        queries=tuple(Query(key, one.question) for key, one in by_id.items()),
        qrels={key: {one.span.document: 1} for key, one in by_id.items()},
        spans={key: (one.span,) for key, one in by_id.items()},
        tags={key: (SYNTHETIC, one.kind) for key, one in by_id.items()},
    )


def _turns(candidates: Sequence[Candidate], seed: int) -> Iterator[Candidate]:
    """The candidates in an order of chance, the kinds taking turns; headings, which ask best, take two."""
    kinds: dict[str, list[Candidate]] = {}
    for one in sorted(candidates, key=lambda one: _digest(str(seed), one.question, one.span.document)):
        kinds.setdefault(one.kind, []).append(one)
    headings = kinds.pop("heading", [])
    return _round_robin([headings[::2], *(kinds[kind] for kind in sorted(kinds)), headings[1::2]])


def _spread(found: Sequence[Passage], seed: int) -> list[Passage]:
    """The passages in an order of chance, the documents taking turns."""
    documents: dict[str, list[Passage]] = {}
    for passage in sorted(found, key=lambda passage: _digest(str(seed), passage.chunk.chunk_id)):
        documents.setdefault(passage.chunk.document, []).append(passage)
    return list(_round_robin(documents.values()))


def _round_robin(groups: Iterable[Sequence[T]]) -> Iterator[T]:
    waiting = [iter(group) for group in groups]
    while waiting:
        following = []
        for group in waiting:
            for one in islice(group, 1):
                yield one
                following.append(group)
        waiting = following


def _digest(*parts: str) -> str:
    return blake2b("\n".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
