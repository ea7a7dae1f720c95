"""Summaries that a language model writes, kept in the catalog by content: none is written twice."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from string import Template
from typing import Self

from ragcli.config.index import OpenAISummariesConfig
from ragcli.models.chat import ChatModel, NoTextError
from ragcli.models.endpoint import Service
from ragcli.models.fingerprints import hash_parts
from ragcli.workspace.catalog import Catalog

_SERVICE = Service("the model that sums up", "index.summaries", "RAGCLI_SUMMARIES_API_KEY")
_TABLE = "CREATE TABLE IF NOT EXISTS summaries (key TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID"


class ChatSummarizer:
    """Asks a model for what the catalog does not have yet.

    Args:
        config: Where and how to ask.
        catalog: Keeps what was written.

    Raises:
        ConfigError: The address makes no sense.
    """

    def __init__(self, config: OpenAISummariesConfig, catalog: Catalog) -> None:
        self._config = config
        self._prompt = Template(config.prompt)
        self._model = ChatModel(_SERVICE, config, config.max_tokens)
        self._database = catalog.database
        self._database.run(_TABLE)

    def write(self, texts: Sequence[str]) -> list[str]:
        """The summary of each text; empty where the model declines.

        Each is kept as soon as it is there, so that a run that fails or is killed pays for none again.

        Raises:
            BackendError: The endpoint failed.
        """
        sent = [text[: self._config.max_chars] for text in texts]
        keys = [self._key(text) for text in sent]
        missing = {key: text for key, text in zip(keys, sent, strict=True) if self._kept(key) is None}
        with ThreadPoolExecutor(self._config.concurrency, thread_name_prefix="summaries") as workers:
            for key, written in zip(missing, workers.map(self._ask, missing.values()), strict=True):
                self._database.run("INSERT OR REPLACE INTO summaries VALUES (?, ?)", (key, written))
        return [self._kept(key) or "" for key in keys]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._model.close()

    def _key(self, text: str) -> str:
        config = self._config
        return hash_parts(config.base_url, config.model, config.prompt, config.max_tokens, text)

    def _kept(self, key: str) -> str | None:
        found = self._database.one("SELECT text FROM summaries WHERE key = ?", (key,))
        return None if found is None else str(found[0])

    def _ask(self, text: str) -> str:
        try:
            return self._model.ask([{"role": "user", "content": self._prompt.safe_substitute(text=text)}]).text.strip()
        except NoTextError:
            return ""
