"""From texts to vectors, through the cache: nothing is ever embedded twice by the same model.

Reading, hashing and writing happen on the calling thread while the embedder works on another one. Finished blocks are
committed to the catalog every few seconds: a killed run loses no more than that.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Generic, TypeVar

from ragcli.errors import BackendError, IndexCorruptError
from ragcli.index.progress import Progress
from ragcli.workspace.catalog import Catalog

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Payload = TypeVar("Payload")

_WINDOW_CHARS = 16 * 2**20  # read ahead, and sorted by length among themselves: a batch holds no padding
_BLOCK_CHARS = 65_536  # handed to the embedder at once: a second or two of a small model on two cores
_BLOCK_ITEMS = 1024
_BLOCKS_AHEAD = 2
_COMMIT_S = 2.0


@dataclass(frozen=True, slots=True)
class Item(Generic[Payload]):
    """One vector to be had: its cache key, what it is computed from, and that one's length in characters."""

    key: bytes
    payload: Payload
    size: int


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors, shape [n, d], and how many of them had to be computed."""

    vectors: "NDArray[np.float32]"
    computed: int


def embedding_key(*parts: str) -> bytes:
    """Cache key of a vector, 16 bytes, from all that shapes it: the model's fingerprint and the texts."""
    digest = blake2b(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.digest()


class CachedEmbedding(Generic[Payload]):
    """Vectors of items in their order, computed only where the catalog does not have them yet.

    Args:
        catalog: Holds the cache; open for writing.
        compute: Vectors of payloads in their order, [n, d]; called on another thread, one call at a time.
        shape: Items to come, and the length of a vector.
        progress: Told of every finished item.
        stage: What the progress is called.
    """

    def __init__(
        self,
        catalog: Catalog,
        compute: "Callable[[Sequence[Payload]], NDArray[np.float32]]",
        shape: tuple[int, int],
        progress: Progress,
        stage: str = "embed",
    ) -> None:
        import numpy as np

        self._catalog = catalog
        self._compute = compute
        self._vectors = np.empty(shape, dtype=np.float32)
        self._progress = progress
        self._stage = stage
        self._placed = 0  # items that came in
        self._done = 0
        self._computed = 0
        self._waiting: dict[bytes, list[int]] = {}  # places of what is being computed
        self._finished: dict[bytes, int] = {}  # one place of what was computed
        self._running: deque[tuple[list[Item[Payload]], Future[NDArray[np.float32]]]] = deque()
        self._unsaved: list[tuple[bytes, bytes]] = []
        self._saved_at = time.monotonic()

    def run(self, items: Iterator[Item[Payload]]) -> Embedded:
        """Take all items and give their vectors.

        Raises:
            BackendError: the model gave vectors of a wrong shape, or values that are no numbers.
            IndexCorruptError: a cached vector is damaged.
        """
        worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embed")
        try:
            for window in _windows(items):
                for block in _blocks(self._missing(window)):
                    self._running.append((block, worker.submit(self._compute, [item.payload for item in block])))
                    self._take_finished(_BLOCKS_AHEAD)
            self._take_finished(0)
        finally:
            worker.shutdown(cancel_futures=True)
            self._rescue()
            self._save()
        return Embedded(self._vectors, self._computed)

    def _missing(self, window: list[Item[Payload]]) -> list[Item[Payload]]:
        """Place what is cached; return one item per key that is not, longest first."""
        cached = self._catalog.embeddings([item.key for item in window])
        missing = []
        for place, item in enumerate(window, self._placed):
            if item.key in cached:
                self._place(place, cached[item.key])
            elif item.key in self._finished:
                self._vectors[place] = self._vectors[self._finished[item.key]]
                self._tell(1)
            elif item.key in self._waiting:
                self._waiting[item.key].append(place)
            else:
                self._waiting[item.key] = [place]
                missing.append(item)
        self._placed += len(window)
        return sorted(missing, key=lambda item: -item.size)

    def _place(self, place: int, vector: bytes) -> None:
        import numpy as np

        if len(vector) != 4 * self._vectors.shape[1]:
            raise IndexCorruptError(
                f"a cached embedding has {len(vector)} bytes instead of {4 * self._vectors.shape[1]}",
                hint="ragcli doctor; remove the workspace and ingest again if this repeats",
            )
        self._vectors[place] = np.frombuffer(vector, dtype="<f4")
        self._tell(1)

    def _take_finished(self, leave: int) -> None:
        while len(self._running) > leave:
            block, future = self._running[0]  # stays there until it is done: an interrupted wait loses nothing
            vectors = future.result()
            self._running.popleft()
            self._take(block, self._checked(vectors, len(block)))
            if time.monotonic() - self._saved_at > _COMMIT_S:
                self._save()

    def _rescue(self) -> None:
        """After a failure, take what was computed all the same."""
        while self._running:
            block, future = self._running.popleft()
            if not future.cancelled() and future.exception() is None:
                self._take(block, self._checked(future.result(), len(block)))

    def _take(self, block: list[Item[Payload]], vectors: "NDArray[np.float32]") -> None:
        for item, vector in zip(block, vectors, strict=True):
            places = self._waiting.pop(item.key)
            self._vectors[places] = vector
            self._finished[item.key] = places[0]
            self._unsaved.append((item.key, vector.tobytes()))
            self._tell(len(places))
        self._computed += len(block)

    def _checked(self, vectors: "NDArray[np.float32]", count: int) -> "NDArray[np.float32]":
        import numpy as np

        expected = (count, self._vectors.shape[1])
        if vectors.shape != expected or not np.isfinite(vectors).all():
            raise BackendError(
                f"the embedding model gave vectors of shape {vectors.shape} where {expected} was due"
                if vectors.shape != expected
                else "the embedding model gave values that are not numbers",
                hint="ragcli models verify",
            )
        return vectors.astype("<f4", copy=False)

    def _save(self) -> None:
        if self._unsaved:
            with self._catalog.transaction():
                self._catalog.put_embeddings(self._unsaved)
        self._unsaved = []
        self._saved_at = time.monotonic()

    def _tell(self, count: int) -> None:
        self._done += count
        self._progress.update(self._stage, self._done, len(self._vectors))


def _windows(items: Iterator[Item[Payload]]) -> Iterator[list[Item[Payload]]]:
    return _cut(items, _WINDOW_CHARS, _WINDOW_CHARS // 128)


def _blocks(items: list[Item[Payload]]) -> Iterator[list[Item[Payload]]]:
    return _cut(iter(items), _BLOCK_CHARS, _BLOCK_ITEMS)


def _cut(items: Iterator[Item[Payload]], max_size: int, max_items: int) -> Iterator[list[Item[Payload]]]:
    group: list[Item[Payload]] = []
    size = 0
    for item in items:
        group.append(item)
        size += item.size
        if size >= max_size or len(group) >= max_items:
            yield group
            group, size = [], 0
    if group:
        yield group
