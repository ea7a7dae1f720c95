"""The SQL behind judgements: which versions of named documents there are, and which chunks have some ids."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ragcli.workspace.catalog import Catalog


@dataclass(frozen=True, slots=True)
class DocumentVersion:
    """One stored version of a document.

    Attributes:
        live: Whether the index is made of it, rather than of a later one.
        chunk_row: Row of its first chunk; 0 when it has none.
    """

    row: int
    id: str
    name: str
    live: bool
    chunk_row: int


def document_versions(catalog: Catalog, names: Sequence[str]) -> Iterator[DocumentVersion]:
    """All versions of the documents of some names, live and retired."""
    found = catalog.database.all(
        "SELECT d.row, d.id, d.name, d.live, (SELECT MIN(c.row) FROM chunks c WHERE c.document = d.row)"
        " FROM documents d WHERE d.name IN (SELECT value FROM json_each(?)) ORDER BY d.row",
        (json.dumps(list(names)),),
    )
    for row, identity, name, live, chunk_row in found:
        yield DocumentVersion(row, identity, name, live == 1, chunk_row or 0)


def chunk_rows_by_id(catalog: Catalog, ids: Sequence[str]) -> dict[str, int]:
    """Chunk id to its newest row, of live and retired documents; reads the whole table of chunks."""
    return dict(
        catalog.database.all(
            "SELECT id, MAX(row) FROM chunks WHERE id IN (SELECT value FROM json_each(?)) GROUP BY id",
            (json.dumps(list(ids)),),
        )
    )
