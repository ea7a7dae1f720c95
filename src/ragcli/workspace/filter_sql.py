"""The SQL behind metadata filters: which values a key has, and which chunks have one of some values."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from ragcli.workspace.catalog import Catalog

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Scalar: TypeAlias = str | int | float | bool | None

_BATCH = 500  # names per statement

# Fixed text that goes into statements; everything that comes from outside is bound.
DOCUMENT_COLUMNS: Mapping[str, str] = {
    "type": "d.type",
    "path": "d.path",
    "name": "d.name",
    "title": "d.title",
    "source": "d.source",
    "language": "d.language",
    "modified": "d.modified_ns",
}
CHUNK_KEYS = ("page", "symbol", "heading")


@dataclass(frozen=True, slots=True)
class KeyField:
    """Where the values of a key are.

    Attributes:
        kind: ``column``: one value a document; ``json``: none, one or a list of them below a path of a JSON column.
        sql: The column.
        path: The JSON path; empty for ``column``.
    """

    kind: Literal["column", "json"]
    sql: str
    path: str = ""

    @property
    def of_chunk(self) -> bool:
        """Whether the values belong to chunks rather than to documents."""
        return self.sql.startswith("c.")


@dataclass(frozen=True, slots=True)
class Choice:
    """Chunks whose field has one of the values; with ``negated``, all the others."""

    field: KeyField
    values: Sequence[Scalar]
    negated: bool = False


def key_field(catalog: Catalog, key: str) -> KeyField | None:
    """Where a key's values are: the document's own facts first, then its metadata, then its chunks' metadata.

    A dotted key is looked up as it is, then as a path into nested metadata. None when nothing has the key.
    """
    if key in DOCUMENT_COLUMNS:
        return KeyField("column", DOCUMENT_COLUMNS[key])
    if key == "heading":
        return KeyField("json", "c.headings", "$")
    if key in CHUNK_KEYS:
        return KeyField("json", "c.metadata", _path(key))
    for table, column in (("documents d", "d.metadata"), ("chunks c", "c.metadata")):
        for path in dict.fromkeys((_path(key), _path(*key.split(".")))):
            found = catalog.database.one(f"SELECT 1 FROM {table} WHERE json_type({column}, ?) IS NOT NULL", (path,))
            if found is not None:
                return KeyField("json", column, path)
    return None


def known_keys(catalog: Catalog) -> list[str]:
    """Every key that a filter may name, sorted; reads all metadata."""
    found: set[str] = {*DOCUMENT_COLUMNS, *CHUNK_KEYS}
    for table in ("documents", "chunks"):
        rows = catalog.database.all(f"SELECT DISTINCT e.key FROM {table} t, json_each(t.metadata) e")
        found.update(str(row[0]) for row in rows)
    return sorted(found)


def field_values(catalog: Catalog, field: KeyField) -> list[Scalar]:
    """All different values of a field but null, which is like none, in no particular order."""
    table = "chunks c" if field.of_chunk else "documents d"
    if field.kind == "column":
        return [row[0] for row in catalog.database.all(f"SELECT DISTINCT {field.sql} FROM {table}")]
    rows = catalog.database.all(
        f"SELECT DISTINCT e.value, e.type FROM {table}, json_each({field.sql}, ?) e WHERE e.value IS NOT NULL",
        (field.path,),
    )
    return [bool(value) if kind in {"true", "false"} else value for value, kind in rows]


def chosen_rows(catalog: Catalog, choices: Sequence[Choice]) -> "NDArray[np.int64]":
    """Rows of the chunks, of live and retired documents, for which all choices hold; ascending, shape [n]."""
    conditions: list[str] = []
    parameters: list[object] = []
    for choice in sorted(choices, key=lambda choice: choice.field.of_chunk):
        condition, bound = _condition(choice)
        conditions.append(condition)
        parameters += bound
    return catalog.select_chunk_rows(" AND ".join(conditions) or "1", parameters)


def document_rows(catalog: Catalog, rows: Sequence[int]) -> dict[int, int]:
    """The document row of each chunk row."""
    return dict(
        catalog.database.all(
            "SELECT row, document FROM chunks WHERE row IN (SELECT value FROM json_each(?))", (json.dumps(list(rows)),)
        )
    )


def documents_of(catalog: Catalog, rows: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """The document rows that some chunk rows belong to, ascending, each once."""
    import numpy as np

    found = catalog.database.all(
        "SELECT DISTINCT document FROM chunks WHERE row IN (SELECT value FROM json_each(?))",
        (json.dumps(rows.tolist()),),
    )
    return np.array(sorted(row for (row,) in found), dtype=np.int64)


def chunk_rows_by_name(catalog: Catalog, names: Sequence[str]) -> dict[str, list[int]]:
    """Document name to the rows of all chunks of its versions, live and retired; names without any are left out."""
    result: dict[str, list[int]] = {}
    for first in range(0, len(names), _BATCH):
        batch = list(names[first : first + _BATCH])
        found = catalog.database.all(
            "SELECT d.name, c.row FROM documents d JOIN chunks c ON c.document = d.row"
            f" WHERE d.name IN ({','.join('?' * len(batch))})",
            batch,
        )
        for name, row in found:
            result.setdefault(name, []).append(row)
    return result


def _condition(choice: Choice) -> tuple[str, list[object]]:
    field, values = choice.field, json.dumps(list(choice.values), ensure_ascii=False)
    among = "IN (SELECT value FROM json_each(?))"
    if field.kind == "column":
        condition, parameters = f"{field.sql} {among}", [values]
    else:
        condition = f"EXISTS (SELECT 1 FROM json_each({field.sql}, ?) e WHERE e.value {among})"
        parameters = [field.path, values]
    return f"NOT ({condition})" if choice.negated else condition, [*parameters]


def _path(*names: str) -> str:
    return "$" + "".join(f'."{name}"' for name in names)
