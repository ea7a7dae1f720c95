"""The FAISS library."""

import os
from typing import Any


def load_faiss() -> Any:
    """FAISS, imported when first needed, and untyped: its stubs know neither keyword arguments nor half the classes."""
    # Threads that wait sleep instead of spinning: on a busy machine spinning was seen to cost forty times the work.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import faiss

    return faiss
