"""What the catalog holds, in a few characters: to tell cheaply whether the index still reflects it."""

from hashlib import blake2b

from ragcli.workspace.catalog import Catalog


def catalog_state(catalog: Catalog) -> str:
    """Changes whenever the set of live documents does; costs the same however many there are."""
    documents, chunks, rows, squares = catalog.database.one("SELECT documents, chunks, rows, squares FROM live_set")
    return f"{documents}-{chunks}-{rows}-{squares}"


def has_documents(catalog: Catalog) -> bool:
    """Whether any document is live."""
    return bool(catalog.database.one("SELECT documents FROM live_set")[0])


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
