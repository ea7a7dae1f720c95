"""Build the answerer that a configuration asks for, and what counts its tokens and money."""

from typing import TYPE_CHECKING, assert_never

from ragcli.config.answer import ExtractiveAnswererConfig, OpenAIAnswererConfig
from ragcli.config.settings import Config
from ragcli.errors import MissingModelError
from ragcli.models import TokenCounter
from ragcli.query.answer import Answerer

if TYPE_CHECKING:
    from ragcli.models import Embedder


def build_answerer(config: Config, counter: TokenCounter, embedder: "Embedder | None") -> Answerer:
    """The answerer of a configuration.

    Args:
        config: Everything that shapes it is in ``query``, ``index.lexical`` and ``models``.
        counter: Counts the tokens of a model that does not report them.
        embedder: That of the search; None where words alone are compared.

    Raises:
        ConfigError: Its address, instructions or price file make no sense.
    """
    settings = config.query.answer
    match settings:
        case ExtractiveAnswererConfig():
            from ragcli.index.lexical.analysis import Analysis
            from ragcli.query.answer.extractive import ExtractiveAnswerer

            lexical = config.index.lexical
            if lexical.kind == "none":
                analysis = Analysis("en", stop_words=True)
            else:
                analysis = Analysis(lexical.language, lexical.stop_words)
            # Dozens of sentences a question are not sent to a service that is paid by the token.
            local = None if config.index.embedder.kind == "openai" else embedder
            return ExtractiveAnswerer(settings, analysis, local)
        case OpenAIAnswererConfig():
            from ragcli.models.prices import price_of, read_prices
            from ragcli.query.answer.chat import ChatAnswerer

            price = price_of(settings.model, read_prices(config.models))
            return ChatAnswerer(settings, config.query.pack.reserve_tokens, counter, price)
        case _:
            assert_never(settings)


def budgeted_model(config: Config) -> str:
    """The model whose tokens and prices shape the context; empty where there is none."""
    answer = config.query.answer
    return config.query.pack.model or (answer.model if answer.kind == "openai" else "")


def build_counter(config: Config, model: str) -> tuple[TokenCounter, str]:
    """What counts the tokens of a model, and what the user should know of it.

    Raises:
        ConfigError: A configured encoding does not exist.
        MissingModelError: Its vocabulary is not on this machine.
    """
    from ragcli.models.encodings import encoding_of
    from ragcli.models.tokens import build_token_counter

    settings, embedder = config.query.pack, config.index.embedder
    if settings.encoding:
        return build_token_counter(settings.encoding, embedder, config.models), ""
    own = encoding_of(model) if model else ""
    try:
        return build_token_counter(own or settings.fallback_encoding, embedder, config.models), ""
    except MissingModelError:
        if not own and model:
            raise
    fallback = settings.fallback_encoding if own and own != settings.fallback_encoding else "embedder"
    try:
        counter = build_token_counter(fallback, embedder, config.models)
    except MissingModelError:
        counter = build_token_counter("words", embedder, config.models)
    missing = own or settings.fallback_encoding
    return counter, f"the vocabulary of {missing} is not on this machine: {counter.name} counts tokens instead"
