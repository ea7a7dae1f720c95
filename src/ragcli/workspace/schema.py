"""Tables of the catalog.

A *document row* is one immutable version of a document: when its file changes, a new row is added and the old one
stops being live. Chunk rows belong to a document row and never change; a generation refers to them by ``row``.
Rows that are no longer live stay until no kept generation refers to them (see ``Catalog.collect``).
"""

SCHEMA_VERSION = 1

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE files (
    source   TEXT NOT NULL,
    path     TEXT NOT NULL,
    size     INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    digest   TEXT NOT NULL,
    settings TEXT NOT NULL,
    error    TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (source, path)
) WITHOUT ROWID;

CREATE TABLE documents (
    row         INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT NOT NULL,
    name        TEXT NOT NULL,
    source      TEXT NOT NULL,
    path        TEXT NOT NULL,
    type        TEXT NOT NULL,
    title       TEXT NOT NULL,
    language    TEXT NOT NULL,
    text        TEXT NOT NULL,
    text_digest BLOB NOT NULL,
    pages       TEXT NOT NULL,
    metadata    TEXT NOT NULL,
    modified_ns INTEGER NOT NULL,
    live        INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX documents_by_file ON documents (source, path, live);
CREATE INDEX documents_by_id ON documents (id, live);
CREATE INDEX documents_by_name ON documents (name, live);
CREATE INDEX documents_by_text ON documents (text_digest, live);

CREATE TABLE chunks (
    row      INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL,
    document INTEGER NOT NULL REFERENCES documents (row),
    position INTEGER NOT NULL,
    start    INTEGER NOT NULL,
    end      INTEGER NOT NULL,
    tokens   INTEGER NOT NULL,
    headings TEXT NOT NULL,
    prefix   TEXT NOT NULL,
    metadata TEXT NOT NULL,
    text     TEXT NOT NULL
);
CREATE INDEX chunks_by_document ON chunks (document);

CREATE TABLE embeddings (
    row    INTEGER PRIMARY KEY,
    key    BLOB NOT NULL UNIQUE,
    vector BLOB NOT NULL
);
"""
