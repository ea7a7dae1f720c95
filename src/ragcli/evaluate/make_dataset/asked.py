"""Questions from a language model, kept only where the passage really answers them."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ragcli.evaluate.make_dataset.candidates import Candidate
from ragcli.evaluate.make_dataset.endpoint import Asker
from ragcli.evaluate.make_dataset.passages import Passage

WRITE = """\
Below is a passage of a document called {title!r}. Write one question that a user of these documents would really ask
and that this passage answers. The question must make sense to someone who does not see the passage: name what it is
about, never say "the passage", "the document" or "this section", and use other words than the passage where you can.
Then copy, character for character, the one or two sentences of the passage that answer it.
Answer with JSON alone: {{"question": "...", "quote": "..."}}

PASSAGE
{passage}
"""
CHECK = """\
Can the question be answered from the passage alone, and does it make sense to someone who does not see the passage?
Answer with one word, yes or no.

QUESTION
{question}

PASSAGE
{passage}
"""
_POINTING = re.compile(r"\b(?:the|this|that) (?:passage|document|section|text|excerpt|article|author)\b", re.IGNORECASE)


@dataclass(slots=True)
class Refused:
    """How many answers were of no use, and why."""

    malformed: int = 0
    quote_elsewhere: int = 0
    pointing: int = 0
    unanswerable: int = 0


def asked_candidates(passages: Sequence[Passage], asker: Asker, refused: Refused) -> Iterator[Candidate]:
    """One question a passage, in their order, without those that a filter refuses.

    Args:
        passages: What to ask about.
        asker: The model.
        refused: Counts what was left out.

    Raises:
        BackendError: The model does not answer.
    """
    for passage in passages:
        text = passage.chunk.text
        found = _parsed(asker.ask(WRITE.format(title=passage.chunk.title or passage.chunk.document, passage=text)))
        if found is None:
            refused.malformed += 1
            continue
        question, quote = found
        span = passage.span(quote)
        if span is None:
            refused.quote_elsewhere += 1
        elif _POINTING.search(question):
            refused.pointing += 1
        elif not _says_yes(asker.ask(CHECK.format(question=question, passage=text))):
            refused.unanswerable += 1
        else:
            yield Candidate(question, span, "llm")


def _parsed(answer: str) -> tuple[str, str] | None:
    """Question and quote of an answer, which may stand in a code fence or after other words."""
    start, end = answer.find("{"), answer.rfind("}")
    try:
        record = json.loads(answer[start : end + 1])
    except (ValueError, RecursionError):
        return None
    question, quote = (record.get("question"), record.get("quote")) if isinstance(record, dict) else (None, None)
    if not isinstance(question, str) or not isinstance(quote, str) or len(question.split()) < 3:
        return None
    return " ".join(question.split()), quote.strip()


def _says_yes(answer: str) -> bool:
    return re.match(r"\W*yes\b", answer, re.IGNORECASE) is not None
