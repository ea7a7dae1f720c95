"""The FAISS library."""

from typing import Any


def load_faiss() -> Any:
    """FAISS, imported when first needed, and untyped: its stubs know neither keyword arguments nor half the classes."""
    import faiss

    return faiss
