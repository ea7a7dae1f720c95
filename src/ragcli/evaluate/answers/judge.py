"""A language model's opinion of answers: faithfulness to the retrieved texts, and relevance to the question.

It is an opinion, not a measurement: it has its own group of metrics, and is never averaged with the others. Replies are
kept by prompt, model, endpoint and texts, so that judging twice asks once. What could not be judged is a failed row.
"""

import json
import math
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.resources import files
from string import Template
from typing import Any, Literal, TypeAlias

from ragcli.config.judge import OpenAIJudgeConfig
from ragcli.errors import BackendError
from ragcli.evaluate.answers.cache import AnswerCache
from ragcli.evaluate.answers.chat import ChatClient, EndpointError, Message, Reply
from ragcli.evaluate.answers.rows import AnswerRow
from ragcli.models.fingerprints import hash_parts

Aspect: TypeAlias = Literal["faithfulness", "relevance"]

PROMPTS: dict[Aspect, str] = {"faithfulness": "faithfulness.v1", "relevance": "relevance.v1"}
"""The prompt in use for each aspect; a changed prompt gets a new version, never the old name."""

_STATEMENT = {
    "type": "object",
    "properties": {"statement": {"type": "string"}, "supported": {"type": "boolean"}},
    "required": ["statement", "supported"],
    "additionalProperties": False,
}
_SCHEMAS: dict[Aspect, dict[str, Any]] = {
    "faithfulness": {
        "type": "object",
        "properties": {"statements": {"type": "array", "items": _STATEMENT, "minItems": 1}},
        "required": ["statements"],
        "additionalProperties": False,
    },
    "relevance": {
        "type": "object",
        "properties": {"reason": {"type": "string"}, "score": {"type": "integer", "minimum": 1, "maximum": 5}},
        "required": ["reason", "score"],
        "additionalProperties": False,
    },
}
_FENCE = re.compile(r"```(?:json)?\s*\n(.*)\n\s*```", re.DOTALL)


class _MalformedError(Exception):
    """A reply is not the JSON that was asked for."""


@dataclass
class Spent:
    """What judging took. Replies from the cache cost nothing."""

    asked: int = 0
    cached: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    without_usage: int = 0


@dataclass(frozen=True, slots=True)
class Opinions:
    """What a judge says of one aspect.

    Attributes:
        values: 0 to 1 for each row; NaN where it could not be judged.
        failures: Row -> why.
    """

    values: tuple[float, ...]
    failures: Mapping[int, str]


@dataclass
class Judge:
    """Asks for opinions; close it after use.

    Attributes:
        spent: Sum of everything asked so far.
    """

    config: OpenAIJudgeConfig
    cache: AnswerCache
    spent: Spent = field(default_factory=Spent)

    def __post_init__(self) -> None:
        self._client = ChatClient(self.config)
        self._lock = threading.Lock()
        self._gone = ""

    def close(self) -> None:
        """Close connections."""
        self._client.close()

    def note(self, aspect: Aspect) -> str:
        """What must stand beside every value."""
        return f"{self.config.model}, prompt {PROMPTS[aspect]}, temperature 0"

    @property
    def cost(self) -> float:
        """What was spent, in the currency of the prices; NaN where a price or the tokens are not known."""
        config, spent = self.config, self.spent
        if not spent.asked:
            return 0.0
        if config.input_price is None or config.output_price is None or spent.without_usage:
            return math.nan
        return (spent.input_tokens * config.input_price + spent.output_tokens * config.output_price) / 1e6

    def opinions(self, aspect: Aspect, rows: Sequence[AnswerRow]) -> Opinions:
        """Judge rows, several at a time. An empty answer has 0 and is not sent.

        Once the endpoint cannot be used at all, the rows that are left fail without being asked.
        """
        prompts = [_conversation(aspect, row) if row.answer.strip() else [] for row in rows]
        keys = [self._key(aspect, prompt) for prompt in prompts]
        stored = self.cache.find(keys)
        values = [math.nan] * len(rows)
        missing = []
        for number, (prompt, key) in enumerate(zip(prompts, keys, strict=True)):
            known = _value(aspect, stored.get(key))
            if not prompt:
                values[number] = 0.0
            elif known is None:
                missing.append(number)
            else:
                values[number] = known
                self.spent.cached += 1
        failures: dict[int, str] = {}
        with ThreadPoolExecutor(self.config.concurrency) as workers:
            found = workers.map(lambda number: self._attempt(aspect, prompts[number], keys[number]), missing)
            for number, outcome in zip(missing, found, strict=True):
                if isinstance(outcome, str):
                    failures[number] = outcome
                else:
                    values[number] = outcome
        return Opinions(tuple(values), failures)

    def _key(self, aspect: Aspect, prompt: Sequence[Message]) -> str:
        config = self.config
        return AnswerCache.key(
            "judge", PROMPTS[aspect], self._client.url, config.model, config.response_format, config.max_tokens,
            [dict(message) for message in prompt],
        )  # fmt: skip

    def _attempt(self, aspect: Aspect, prompt: Sequence[Message], key: str) -> float | str:
        """The value of a row, or why there is none."""
        if self._gone:
            return self._gone
        try:
            parsed = self._ask(aspect, prompt)
        except EndpointError as error:
            self._gone = error.message
            return error.message
        except BackendError as error:
            return error.message
        with self._lock:
            self.cache.store({key: parsed})
        return _CHECKS[aspect](parsed)

    def _ask(self, aspect: Aspect, prompt: Sequence[Message]) -> dict[str, Any]:
        """Ask until the reply is what was asked for."""
        conversation = list(prompt)
        problem = ""
        for _ in range(self.config.attempts):
            reply = self._client.ask(conversation, _SCHEMAS[aspect])
            self._count(reply)
            try:
                return _parse(aspect, reply.text)
            except _MalformedError as error:
                problem = str(error)
                correction = (
                    f"That was not the JSON object asked for: {problem}. Reply with that object and nothing else."
                )
                conversation = [
                    *prompt,
                    {"role": "assistant", "content": reply.text},
                    {"role": "user", "content": correction},
                ]
        raise BackendError(f"the judge's reply was malformed {self.config.attempts} times: {problem}")

    def _count(self, reply: Reply) -> None:
        with self._lock:
            self.spent.asked += 1
            self.spent.input_tokens += reply.input_tokens
            self.spent.output_tokens += reply.output_tokens
            self.spent.without_usage += not (reply.input_tokens or reply.output_tokens)


def _conversation(aspect: Aspect, row: AnswerRow) -> list[Message]:
    """Instructions, then the texts between tags that no text can contain: their name is a digest of the texts."""
    parts = [("question", row.question), ("answer", row.answer)]
    if aspect == "faithfulness":
        parts = [("context", text) for text in row.contexts] + parts
    tag = f"data-{hash_parts(aspect, [list(part) for part in parts])[:16]}"
    names = Counter[str]()
    blocks = []
    for name, text in parts:
        names[name] += 1
        kind = f"{name} {names[name]}" if name == "context" else name
        blocks.append(f'<{tag} kind="{kind}">\n{text}\n</{tag}>')
    instructions = Template(prompt_text(aspect)).substitute(tag=tag)
    return [{"role": "system", "content": instructions}, {"role": "user", "content": "\n".join(blocks)}]


def prompt_text(aspect: Aspect) -> str:
    """The prompt of an aspect as it is in the package."""
    return (files(__package__) / "prompts" / f"{PROMPTS[aspect]}.txt").read_text(encoding="utf-8")


def _parse(aspect: Aspect, text: str) -> dict[str, Any]:
    """The object in a reply: JSON and nothing else, at most in a code fence."""
    fenced = _FENCE.fullmatch(text.strip())
    try:
        parsed = json.loads(fenced[1] if fenced else text)
    except (ValueError, RecursionError) as error:
        raise _MalformedError(f"it is not JSON ({error})") from error
    _CHECKS[aspect](parsed)
    found: dict[str, Any] = parsed
    return found


def _faithfulness(parsed: object) -> float:
    """The share of supported statements."""
    statements = _exactly(parsed, {"statements"})["statements"]
    if not isinstance(statements, list) or not statements:
        raise _MalformedError("statements must be a list that is not empty")
    for statement in statements:
        fields = _exactly(statement, {"statement", "supported"})
        if not isinstance(fields["statement"], str) or not isinstance(fields["supported"], bool):
            raise _MalformedError("a statement needs a text, and true or false for supported")
    supported = [statement["supported"] is True for statement in statements]
    return sum(supported) / len(supported)


def _relevance(parsed: object) -> float:
    """The grade, brought to 0 to 1."""
    fields = _exactly(parsed, {"reason", "score"})
    score = fields["score"]
    if type(score) is not int or not 1 <= score <= 5:
        raise _MalformedError("score must be a whole number from 1 to 5")
    if not isinstance(fields["reason"], str):
        raise _MalformedError("reason must be a text")
    return (int(score) - 1) / 4


def _exactly(value: object, keys: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict) or value.keys() != keys:
        raise _MalformedError(f"an object with exactly {' and '.join(sorted(keys))} was asked for")
    return value


_CHECKS: dict[Aspect, Callable[[object], float]] = {"faithfulness": _faithfulness, "relevance": _relevance}


def _value(aspect: Aspect, stored: object) -> float | None:
    """What a stored reply says; None for one that is absent or no longer understood."""
    if stored is None:
        return None
    try:
        return _CHECKS[aspect](stored)
    except _MalformedError:
        return None
