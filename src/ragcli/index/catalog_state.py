"""What the catalog holds, in a few characters: to tell cheaply whether the index still reflects it."""

from hashlib import blake2b

from ragcli.workspace.catalog import Catalog


def catalog_state(catalog: Catalog) -> str:
    """Changes whenever the set of live documents does; read from one small index of the catalog.

    Counts alone would miss one document that took another's place; sums over rows, which are never reused, do not.
    """
    documents, chunks, rows, squares = catalog.database.one(
        "SELECT COUNT(*), TOTAL(chunk_count), TOTAL(row), TOTAL(1.0 * row * row) FROM documents WHERE live = 1"
    )
    return f"{documents}-{chunks:.0f}-{rows:.0f}-{squares:.17g}"


def corpus_fingerprint(catalog: Catalog) -> str:
    """Identity of the live documents: what they are called and what they say, however they are cut."""
    digest = blake2b(digest_size=16)
    for name, text in catalog.database.all("SELECT id, text_digest FROM documents WHERE live = 1 ORDER BY id, row"):
        digest.update(name.encode("utf-8", "surrogatepass"))
        digest.update(text)
    return digest.hexdigest()


def chunker_fingerprint(catalog: Catalog) -> str:
    """Identity of the settings by which the live documents were read and cut."""
    found = catalog.database.all("SELECT DISTINCT settings FROM files WHERE state = 'read' ORDER BY settings")
    return blake2b("\n".join(row[0] for row in found).encode(), digest_size=16).hexdigest()
