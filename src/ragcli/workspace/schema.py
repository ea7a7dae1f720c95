"""Tables of the catalog.

A *document row* is one immutable version of a document: when its file changes, a new row is added and the old one
stops being live. Chunk rows belong to a document row and never change; a generation refers to them by ``row``.
Rows that are no longer live stay until no kept generation refers to them (see ``garbage.collect``).

``documents.live`` is 1 for what the index is made of, 2 for an exact duplicate that is held back (``--dedupe``), and
0 for a retired version. Full texts have a table of their own, so that documents are compact to look through.

``live_set`` sums up the documents with ``live = 1``, kept by triggers: a reader learns at once whether its generation
still reflects the catalog, however large that is. Counts alone would miss one document that took another's place.
"""

SCHEMA_VERSION = 1

SCHEMA = """
CREATE TABLE sources (
    name   TEXT PRIMARY KEY,
    root   TEXT NOT NULL,
    origin TEXT NOT NULL,
    whole  INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE files (
    source   TEXT NOT NULL,
    path     TEXT NOT NULL,
    size     INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    read_ns  INTEGER NOT NULL,
    digest   TEXT NOT NULL,
    settings TEXT NOT NULL,
    state    TEXT NOT NULL,
    reason   TEXT NOT NULL,
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
    text_digest BLOB NOT NULL,
    version     BLOB NOT NULL,
    pages       TEXT NOT NULL,
    metadata    TEXT NOT NULL,
    modified_ns INTEGER NOT NULL,
    chunk_count INTEGER NOT NULL,
    live        INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX documents_by_file ON documents (source, path, live);
CREATE INDEX documents_by_id ON documents (id, live);
CREATE INDEX documents_by_name ON documents (name, live);
CREATE INDEX documents_by_text ON documents (text_digest, live);
CREATE INDEX documents_by_live ON documents (live, chunk_count);

CREATE TABLE live_set (
    documents INTEGER NOT NULL,
    chunks    INTEGER NOT NULL,
    rows      INTEGER NOT NULL,
    squares   INTEGER NOT NULL
);
INSERT INTO live_set VALUES (0, 0, 0, 0);
CREATE TRIGGER live_set_new AFTER INSERT ON documents WHEN new.live = 1 BEGIN
    UPDATE live_set SET documents = documents + 1, chunks = chunks + new.chunk_count,
        rows = rows + new.row, squares = squares + new.row * new.row; END;
CREATE TRIGGER live_set_shown AFTER UPDATE OF live ON documents WHEN new.live = 1 AND old.live != 1 BEGIN
    UPDATE live_set SET documents = documents + 1, chunks = chunks + new.chunk_count,
        rows = rows + new.row, squares = squares + new.row * new.row; END;
CREATE TRIGGER live_set_retired AFTER UPDATE OF live ON documents WHEN old.live = 1 AND new.live != 1 BEGIN
    UPDATE live_set SET documents = documents - 1, chunks = chunks - old.chunk_count,
        rows = rows - old.row, squares = squares - old.row * old.row; END;

CREATE TABLE texts (
    document INTEGER PRIMARY KEY REFERENCES documents (row),
    text     TEXT NOT NULL
);

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
