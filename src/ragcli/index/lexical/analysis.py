"""From text to terms: the same for indexing and asking, and for both engines."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragcli.config.index import Language

if TYPE_CHECKING:
    from tantivy import TextAnalyzer, Token

VERSION = 1  # raise it when the terms of a text change: an index is only searched by the analysis that made it

# What tantivy calls the languages it has a Snowball stemmer for.
_SNOWBALL = {
    "ar": "arabic",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "fi": "finnish",
    "fr": "french",
    "hu": "hungarian",
    "it": "italian",
    "nl": "dutch",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
}
_WITHOUT_STOP_WORDS = frozenset({"ar", "el", "ro", "ta", "tr"})  # no list of them is built in
_LONGEST_TERM_BYTES = 255

# Scripts written without spaces: every character is a term, and neighbours form pairs.
_UNSPACED = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff])"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_BOUNDARY = "\u200b"  # zero width space: separates terms, and tells that they touched
_TOUCHING = re.compile(f"{_BOUNDARY}+")
_JOINT = re.compile(r"[-._/:@#+\\]{1,2}")


@dataclass(frozen=True, slots=True)
class Phrase:
    """Terms that were written as one word. ``terms`` holds (position from 0, term)."""

    terms: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Question:
    """The terms of a question, repetitions included, and the phrases among them that identify something."""

    terms: tuple[str, ...]
    phrases: tuple[Phrase, ...] = ()


class Analysis:
    """Lower-casing, folding to ASCII, stemming; stop words are left out of questions, never of documents.

    Keeping stop words in the index lets a question that has nothing else ("to be or not to be") find its answer.

    Args:
        language: ISO 639-1 code of stemmer and stop words, or ``none`` for neither.
        stop_words: Leave the language's stop words out of questions.
    """

    def __init__(self, language: Language, stop_words: bool) -> None:
        stemmer = _SNOWBALL.get(language)
        self.analyzer = _analyzer(stemmer, None)
        dropping = stop_words and stemmer is not None and language not in _WITHOUT_STOP_WORDS
        self._without_stop_words = _analyzer(stemmer, stemmer) if dropping else self.analyzer
        self.name = f"ragcli-{VERSION}-{language}"

    def terms(self, text: str) -> list[str]:
        """The terms of a document text, in order."""
        terms: list[str] = self.analyzer.analyze(normalise(text))
        return terms

    def question(self, text: str) -> Question:
        """The terms of a question without stop words, or with them where it has no others."""
        text = normalise(text)
        tokens = self.analyzer.pre_tokenize(text).tokens
        terms = self._without_stop_words.analyze(text) or [token.text for token in tokens]
        return Question(tuple(terms), tuple(_phrases(text, tokens)))

    def words(self, text: str) -> list[tuple[str, str]]:
        """The words of a text but stop words, as (term, spelling), in order."""
        text = normalise(text)
        telling = set(self._without_stop_words.analyze(text))
        return [
            (token.text, text[token.char_offset_from : token.char_offset_to])
            for token in self.analyzer.pre_tokenize(text).tokens
            if token.text in telling
        ]

    def matches(self, text: str, terms: frozenset[str]) -> list[tuple[int, int]]:
        """Character ranges of the words of ``text`` whose term is one of ``terms``, for highlighting."""
        if normalise(text) != text:
            return [span for span in _words(text) if terms.intersection(self.terms(text[span[0] : span[1]]))]
        tokens = self.analyzer.pre_tokenize(text).tokens
        return [(token.char_offset_from, token.char_offset_to) for token in tokens if token.text in terms]


def normalise(text: str) -> str:
    """Compatibility composition (NFKC), and boundaries between characters of scripts without spaces."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKC", _SURROGATE.sub(" ", text))
    return _UNSPACED.sub(f"{_BOUNDARY}\\1{_BOUNDARY}", text)


def _analyzer(stemmer: str | None, stop_words: str | None) -> "TextAnalyzer":
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    builder = TextAnalyzerBuilder(Tokenizer.simple())
    builder = builder.filter(Filter.remove_long(_LONGEST_TERM_BYTES)).filter(Filter.lowercase())
    if stop_words is not None:
        builder = builder.filter(Filter.stopword(stop_words))
    steps = [] if stemmer is None else [Filter.stemmer(stemmer)]
    # Stemmers other than the English one read accents; folded behind them, a word typed without still matches mostly.
    steps.insert(0 if stemmer == "english" else len(steps), Filter.ascii_fold())
    for step in steps:
        builder = builder.filter(step)
    return builder.build()


def _words(text: str) -> Iterator[tuple[int, int]]:
    return (match.span() for match in re.finditer(r"\w+", text))


def _phrases(text: str, tokens: "Sequence[Token]") -> Iterator[Phrase]:
    """Words that identify something (``ERR-1042``, ``foo_bar``, ``v2.3.1``), and pairs of unspaced characters."""
    word: list[Token] = []
    shape = ""
    for token in [*tokens, None]:
        gap = text[word[-1].char_offset_to : token.char_offset_from] if word and token else " "
        if _TOUCHING.fullmatch(gap) and token:
            yield _phrase([word[-1], token])
        if token and _JOINT.fullmatch(gap):
            word.append(token)
            shape += gap
            continue
        if len(word) > 1 and _identifies(text[word[0].char_offset_from : word[-1].char_offset_to], shape):
            yield _phrase(word)
        word, shape = ([token] if token else []), ""


def _identifies(word: str, joints: str) -> bool:
    """Whether a compound is a name rather than prose: ``ERR-1042`` and ``foo_bar``, but not ``low-level``."""
    return joints.strip("-") != "" or any(letter.isdigit() for letter in word)


def _phrase(tokens: "Sequence[Token]") -> Phrase:
    first = tokens[0].position
    return Phrase(tuple((token.position - first, token.text) for token in tokens))
