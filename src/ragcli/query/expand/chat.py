"""Variations that a language model writes."""

import re
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from string import Template
from typing import TypeAlias, assert_never

from ragcli.config.expand import DecomposeConfig, HydeConfig, MultiQueryConfig
from ragcli.models.chat import ChatModel, NoTextError
from ragcli.models.endpoint import Service
from ragcli.query.asked import Variation
from ragcli.query.expand import distinct

ChatKind: TypeAlias = MultiQueryConfig | HydeConfig | DecomposeConfig

_SERVICE = Service("the model that expands questions", "query.expand", "RAGCLI_EXPAND_API_KEY")
_LEAD = re.compile(r"^\s*(?:[-*•]|\(?\d{1,2}[.):])\s+")
_REMEMBERED = 4096  # questions whose variations are kept
_LONGEST_CHARS = 1000  # of a query; what is longer is no query but talk


class ChatExpander:
    """See ``Expander``. A question is put to the model once; one that it declines is asked as it is.

    Args:
        config: The settings, which say what is asked for.

    Raises:
        ConfigError: The address makes no sense.
    """

    def __init__(self, config: ChatKind) -> None:
        self._config = config
        self._most = 1 if isinstance(config, HydeConfig) else config.variations
        self._prompt = Template(config.prompt)
        self._model = ChatModel(_SERVICE, config, config.max_tokens)
        self._known: OrderedDict[str, list[Variation]] = OrderedDict()

    def expand(self, questions: Sequence[str]) -> list[list[Variation]]:
        """See ``Expander``."""
        new = [question for question in dict.fromkeys(questions) if question not in self._known]
        with ThreadPoolExecutor(min(self._config.concurrency, len(new)) or 1, thread_name_prefix="expand") as workers:
            written = dict(zip(new, workers.map(self._ask, new), strict=True))
        found = {**{question: self._known[question] for question in questions if question not in written}, **written}
        self._known.update(written)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return [list(found[question]) for question in questions]

    def close(self) -> None:
        """See ``Expander``."""
        self._model.close()

    def _ask(self, question: str) -> list[Variation]:
        content = self._prompt.safe_substitute(question=question, variations=self._most)
        try:
            reply = self._model.ask([{"role": "user", "content": content}]).text
        except NoTextError:
            reply = ""
        return distinct(question, self._read(reply), self._most)

    def _read(self, reply: str) -> list[Variation]:
        config = self._config
        match config:
            case HydeConfig():
                return [
                    Variation(
                        reply.strip(), f"an answer that {config.model} imagines", config.weight, "dense", passage=True
                    )
                ]
            case MultiQueryConfig():
                origin = f"a variation by {config.model}"
            case DecomposeConfig():
                origin = f"a part of the question, by {config.model}"
            case _:
                assert_never(config)
        return [Variation(line, origin, config.weight) for line in lines_of(reply)]


def lines_of(reply: str) -> list[str]:
    """The queries in a reply, without numbers, bullets and quotation marks around them."""
    lines = (_LEAD.sub("", line).strip().strip('"“”') for line in reply.splitlines())
    return [line for line in lines if line and len(line) <= _LONGEST_CHARS and not line.endswith(":")]
