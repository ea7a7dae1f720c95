"""Documents with exactly the same text: which comes first, and which are its duplicates."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ragcli.ingest.result import Duplicate
from ragcli.workspace.ledger import DuplicateRow


class Pair(NamedTuple):
    """A duplicate, and the document it repeats."""

    first: DuplicateRow
    duplicate: DuplicateRow

    def told(self) -> Duplicate:
        """The pair as a result shows it."""
        return Duplicate(self.duplicate.source, self.duplicate.name, self.first.source, self.first.name)


def find_duplicates(rows: Iterable[DuplicateRow], order: Mapping[str, int]) -> list[Pair]:
    """Every duplicate with the document that stands for both: the first by source order, path and name.

    Args:
        rows: Documents that share their text with another.
        order: Rank of configured sources; others follow, by name.
    """
    first: dict[bytes, DuplicateRow] = {}
    pairs: list[Pair] = []
    for row in sorted(
        rows, key=lambda row: (order.get(row.source, len(order)), row.source, row.path, row.name, row.id)
    ):
        before = first.setdefault(row.text_digest, row)
        if before is not row:
            pairs.append(Pair(before, row))
    return pairs


def held_back(pairs: Iterable[Pair]) -> list[int]:
    """Document rows that need not be live."""
    return [pair.duplicate.row for pair in pairs]
