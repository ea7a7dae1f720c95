"""A second process that loads the model while the first reads its settings and opens the index.

To import the runtimes and load a model takes a cold query as long as all the rest, and threads import one after the
other. The process is forked before anything is imported, so that it costs a millisecond, not another start of Python.
"""

import os
import pickle
import signal
import sys
from collections.abc import Callable, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

from ragcli.errors import BackendError

if TYPE_CHECKING:
    from ragcli.config.index import EmbedderConfig
    from ragcli.config.models import ModelsConfig
    from ragcli.models import Embedder
    from ragcli.models.sessions import Vectors

_second: "_Process | None" = None


def begin() -> None:
    """Fork, where a second core has nothing else to do."""
    global _second  # noqa: PLW0603 - it is begun before anything that could hand it on is imported
    # A query needs next to nothing of BLAS, whose threads take longer to start than the rest of numpy to import.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if sys.platform != "linux":  # elsewhere the libraries may not be imported behind a fork
        return
    cores = len(os.sched_getaffinity(0))
    if cores == 1 or os.getloadavg()[0] > cores:
        return
    try:
        _second = _Process()
    except OSError:  # no more processes or files are allowed: the model is loaded in this one
        _second = None


def end() -> None:
    """End the second process, if there is one."""
    global _second  # noqa: PLW0603 - see begin
    if _second is not None:
        _second.kill()
        _second = None


def build_embedder(config: "EmbedderConfig", models: "ModelsConfig") -> "Embedder":
    """The embedder of a configuration; in the second process if that was begun, and the model runs on this machine.

    Raises:
        RagcliError: As ``ragcli.models.build.build_embedder``.
    """
    if _second is not None and config.kind == "sentence-transformers":
        return _RemoteEmbedder(_second.ask, *_second.ask("build_embedder", config, models))
    from ragcli.models import build

    return build.build_embedder(config, models)


class _Process:
    """The second process as the first sees it: it is asked one thing at a time.

    Raises:
        OSError: The system has no room for it.
    """

    def __init__(self) -> None:
        asked, ask = os.pipe()
        answer, answered = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(ask)
            os.close(answer)
            _serve(os.fdopen(asked, "rb"), os.fdopen(answered, "wb"))
        os.close(asked)
        os.close(answered)
        self._ask, self._answer = os.fdopen(ask, "wb"), os.fdopen(answer, "rb")
        self._lock = Lock()

    def ask(self, *words: object) -> Any:  # whatever the method returns
        """Have a method called there; what it raises is raised here."""
        with self._lock:
            try:
                pickle.dump(words, self._ask)
                self._ask.flush()
                result, error = pickle.load(self._answer)  # noqa: S301 - written by our own fork
            except (OSError, EOFError) as gone:
                raise BackendError("the process that runs the model was killed", hint="run it again") from gone
        if error is not None:
            raise error
        return result

    def kill(self) -> None:
        """Leave nothing behind."""
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


class _RemoteEmbedder:
    """An embedder in the second process."""

    def __init__(self, ask: Callable[..., Any], fingerprint: str, name: str, dimension: int) -> None:
        self._ask = ask
        self.fingerprint = fingerprint
        self.name = name
        self.dimension = dimension

    @property
    def max_tokens(self) -> int:
        """Longest document in tokens."""
        return int(self._ask("max_tokens"))

    def embed_documents(self, texts: Sequence[str]) -> "Vectors":
        """Unit vectors of document texts in their order, shape [n, dimension]."""
        vectors: Vectors = self._ask("embed_documents", texts)
        return vectors

    def embed_queries(self, texts: Sequence[str]) -> "Vectors":
        """Unit vectors of questions in their order, shape [n, dimension]."""
        vectors: Vectors = self._ask("embed_queries", texts)
        return vectors


class _Served:
    """What the second process can be asked for: to build one embedder, and what that has."""

    embedder: "Embedder"

    def build_embedder(self, config: "EmbedderConfig", models: "ModelsConfig") -> tuple[str, str, int]:
        """Build it; its fingerprint, name and dimension."""
        from ragcli.models.build import build_embedder

        self.embedder = build_embedder(config, models)
        return self.embedder.fingerprint, self.embedder.name, self.embedder.dimension

    def max_tokens(self) -> int:
        """As the embedder's."""
        return self.embedder.max_tokens

    def embed_documents(self, texts: Sequence[str]) -> "Vectors":
        """As the embedder's."""
        return self.embedder.embed_documents(texts)

    def embed_queries(self, texts: Sequence[str]) -> "Vectors":
        """As the embedder's."""
        return self.embedder.embed_queries(texts)


def _serve(asked: BinaryIO, answered: BinaryIO) -> NoReturn:
    """Be the second process, until the first is gone or kills it."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first one decides
        for stream in (0, 1):  # who reads the output waits for the first process only
            os.dup2(os.open(os.devnull, os.O_RDWR), stream)
        import tokenizers  # noqa: F401 - the embedder's

        from ragcli.models import build, onnx  # noqa: F401 - likewise
        from ragcli.models.sessions import load_onnxruntime

        load_onnxruntime()
        served = _Served()
        while True:
            name, *arguments = pickle.load(asked)  # noqa: S301 - written by our own parent
            pickle.dump(_outcome(getattr(served, name), arguments), answered)
            answered.flush()
    finally:  # also where the pipe ended or broke: there is nobody left to tell
        os._exit(0)


def _outcome(method: Callable[..., Any], arguments: Sequence[Any]) -> tuple[Any, Exception | None]:
    """What a method returns, or what it raises."""
    try:
        return method(*arguments), None
    except Exception as error:  # noqa: BLE001 - it is raised where it was asked for
        return None, error
