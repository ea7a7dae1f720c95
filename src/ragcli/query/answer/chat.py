"""Answers of a language model behind an OpenAI-compatible endpoint."""

from collections.abc import Sequence
from importlib.resources import files
from string import Template

from ragcli.config.answer import OpenAIAnswererConfig
from ragcli.errors import BackendError, ConfigError
from ragcli.models import TokenCounter
from ragcli.models.chat import ChatModel, Message, Reply
from ragcli.models.endpoint import EndpointError, Service
from ragcli.models.fingerprints import hash_parts
from ragcli.models.prices import Price
from ragcli.query.answer import NOT_FOUND, Listener, Standalone, Turn
from ragcli.query.answer.citations import CitationFilter, citations_of
from ragcli.query.answer.follow_up import joined
from ragcli.records import Answer, Context

_SERVICE = Service("the answerer", "query.answer", "RAGCLI_ANSWER_API_KEY")
_PROMPT = "answer.v1.txt"
_FOLLOW_UP = "follow_up.v1.txt"
_LONGEST_CHARS = 1000  # of a question that a model rewrote; what is longer is talk
_TAG = "data-"
_NO_TAG = f"{_TAG}0000000000000000"
_EMPTY = Context((), "", 0, 0, "")
_ROLE_TOKENS = 16  # what a chat protocol puts around two messages, with room to spare


class ChatAnswerer:
    """Asks a model, checks what it cites, and counts what it costs.

    Args:
        config: Where and how to ask.
        max_tokens: Longest reply.
        counter: Counts the tokens of a model that does not report them.
        price: Of the model; None where it is not known.

    Raises:
        ConfigError: The address makes no sense, or the instructions name a placeholder that there is not.
    """

    def __init__(
        self, config: OpenAIAnswererConfig, max_tokens: int, counter: TokenCounter, price: Price | None
    ) -> None:
        self._config = config
        self._counter = counter
        self._price = price
        self._instructions = instructions(config)
        self._follow_up = _template("follow_up_instructions", config.follow_up_instructions, _FOLLOW_UP, {"tag"})
        self._model = ChatModel(_SERVICE, config, max_tokens, config.seed)

    @property
    def name(self) -> str:
        """The model and where it is."""
        return f"{self._config.model} at {self._model.url}"

    @property
    def model(self) -> str:
        """The model's name."""
        return self._config.model

    def close(self) -> None:
        """Close connections."""
        self._model.close()

    def framing(self, question: str, history: Sequence[Turn] = ()) -> str:
        """The conversation without a context."""
        return framing(self._instructions, question, history)

    def standalone(self, question: str, history: Sequence[Turn]) -> Standalone:
        """Asks the model, as the settings have it."""
        rules = Standalone(joined(question, history))
        if self._config.follow_ups == "rules" or not history:
            return rules
        messages = _messages(self._follow_up, _said(history, question))
        try:
            reply, counted = self._counted(messages, self._model.ask(messages))
        except EndpointError:  # the answer would fail alike
            raise
        except BackendError:
            return rules
        line = " ".join(reply.text.split()).strip('"\u201c\u201d')
        text = line if 0 < len(line) <= _LONGEST_CHARS and f"<{_TAG}" not in line else rules.text
        return Standalone(text, reply.input_tokens, reply.output_tokens, counted, self._cost(reply))

    def answer(
        self, question: str, context: Context, history: Sequence[Turn] = (), listen: Listener | None = None
    ) -> Answer:
        """Ask, unless there is no context to answer from; see ``Answerer``."""
        if not context.excerpts:
            if listen is not None:
                listen(NOT_FOUND)
            return Answer(NOT_FOUND, (), refused=True, answerer=self.name)
        messages = conversation(self._instructions, question, context, history)
        checked = CitationFilter({excerpt.number for excerpt in context.excerpts})
        pieces: list[str] = []

        def hear(text: str) -> None:
            piece = checked.feed(text)
            pieces.append(piece)
            if listen is not None and piece:
                listen(piece)

        reply = self._model.ask(messages) if listen is None else self._model.stream(messages, hear)
        if listen is None:
            hear(reply.text)
        pieces.append(checked.flush())
        if listen is not None and pieces[-1]:
            listen(pieces[-1])
        return self._answer("".join(pieces), context, checked, self._counted(messages, reply))

    def _answer(self, text: str, context: Context, checked: CitationFilter, spent: tuple[Reply, bool]) -> Answer:
        reply, counted = spent
        refused = text.strip().casefold().startswith(NOT_FOUND.rstrip(".").casefold())
        return Answer(
            text=text.strip(),
            citations=() if refused else citations_of(context, checked.cited),
            refused=refused,
            answerer=self.name,
            input_tokens=reply.input_tokens,
            output_tokens=reply.output_tokens,
            counted=counted,
            cost=self._cost(reply),
            removed_citations=checked.removed,
        )

    def _cost(self, reply: Reply) -> float | None:
        return None if self._price is None else self._price.cost(reply.input_tokens, reply.output_tokens)

    def _counted(self, messages: Sequence[Message], reply: Reply) -> tuple[Reply, bool]:
        """The reply with tokens, and whether they had to be counted here."""
        if reply.input_tokens or reply.output_tokens:
            return reply, False
        read = sum(self._counter.count(message["content"]) for message in messages) + _ROLE_TOKENS
        return Reply(reply.text, read, self._counter.count(reply.text)), True


def instructions(config: OpenAIAnswererConfig) -> Template:
    """The system message, with ``$tag`` yet to be filled in.

    Raises:
        ConfigError: The configured one names another placeholder.
    """
    return _template("instructions", config.instructions, _PROMPT, {"tag", "refusal"})


def _template(key: str, configured: str, own: str, known: set[str]) -> Template:
    if not configured:
        return Template((files(__package__) / "prompts" / own).read_text(encoding="utf-8"))
    template = Template(configured)
    if not template.is_valid() or not set(template.get_identifiers()) <= known:
        names = " and ".join(f"${name}" for name in sorted(known, reverse=True))
        raise ConfigError(f"query.answer.{key}: only {names} can be filled in", hint="write $$ for a dollar sign")
    return template


def framing(template: Template, question: str, history: Sequence[Turn]) -> str:
    """The text of a conversation without a context, and what the protocol adds."""
    messages = conversation(template, question, _EMPTY, history)
    return "\n".join([*(message["content"] for message in messages), " x" * _ROLE_TOKENS])


def conversation(template: Template, question: str, context: Context, history: Sequence[Turn]) -> list[Message]:
    """Instructions, then all texts between tags that none of them can contain: their name is a digest of the texts."""
    excerpts = [("excerpts", context.text)] if context.text else []
    return _messages(template, [*excerpts, *_said(history, question)], own_tag=bool(context.text))


def _said(history: Sequence[Turn], question: str) -> list[tuple[str, str]]:
    """A conversation up to its last question, as kinds and texts."""
    said: list[tuple[str, str]] = []
    for turn in history:
        said += [("earlier question", turn.question), ("earlier answer", turn.answer)]
    return [*said, ("question", question)]


def _messages(template: Template, parts: Sequence[tuple[str, str]], *, own_tag: bool = True) -> list[Message]:
    tag = f"{_TAG}{hash_parts([list(part) for part in parts])[:16]}" if own_tag else _NO_TAG
    blocks = [f'<{tag} kind="{kind}">\n{text}\n</{tag}>' for kind, text in parts]
    system = template.safe_substitute(tag=tag, refusal=NOT_FOUND)
    return [{"role": "system", "content": system}, {"role": "user", "content": "\n".join(blocks)}]
