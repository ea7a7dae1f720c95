"""The metric of Chroma's chunking evaluation: what retrieved chunks hold of the characters that answer a question.

As in base_evaluation.py of https://github.com/brandonstarxel/chunking_evaluation, on character ranges.
"""

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ragcli.records import Chunk, Document

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Question:
    """A question, its corpus, and the character ranges that answer it."""

    text: str
    corpus: str
    references: tuple[Range, ...]


@dataclass(slots=True)
class Chunked:
    """All chunks of the collection.

    Attributes:
        corpora: The corpus of each chunk.
        ranges: Where each chunk's text is first found in its corpus, as the evaluation looks for it: without a final
            full stop.
    """

    chunks: list[Chunk] = field(default_factory=list)
    corpora: list[str] = field(default_factory=list)
    ranges: list[Range] = field(default_factory=list)

    def add(self, document: Document, chunks: Sequence[Chunk]) -> None:
        """Chunks of one corpus."""
        for chunk in chunks:
            text = chunk.text.removesuffix(".")
            start = document.text.find(text)
            self.ranges.append((start, start + len(text)))
        self.chunks += chunks
        self.corpora += [document.name] * len(chunks)


@dataclass(frozen=True, slots=True)
class Scores:
    """Per question, in percent, shape [questions]."""

    recall: NDArray[np.float64]
    precision: NDArray[np.float64]
    iou: NDArray[np.float64]


def read_questions(folder: Path) -> list[Question]:
    """The questions with their references."""
    with (folder / "questions_df.csv").open(encoding="utf-8", newline="") as file:
        return [
            Question(
                row["question"],
                row["corpus_id"],
                tuple((found["start_index"], found["end_index"]) for found in json.loads(row["references"])),
            )
            for row in csv.DictReader(file)
        ]


def union(ranges: Iterable[Range]) -> list[Range]:
    """The same characters in ranges that do not touch."""
    result: list[Range] = []
    for start, end in sorted(ranges):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], end))
        else:
            result.append((start, end))
    return result


def without(ranges: Iterable[Range], taken: Range) -> list[Range]:
    """What is left of ranges once another one is taken out."""
    left = (part for start, end in ranges for part in ((start, min(end, taken[0])), (max(start, taken[1]), end)))
    return [(start, end) for start, end in left if start < end]


def length(ranges: Iterable[Range]) -> int:
    """Characters of all ranges, overlaps counted every time."""
    return sum(end - start for start, end in ranges)


def touches(one: Range, other: Range) -> bool:
    """Whether two ranges overlap or meet."""
    return one[0] <= other[1] and one[1] >= other[0]


def covered(references: Sequence[Range], chunks: Sequence[Range]) -> tuple[int, list[Range]]:
    """Characters of the references that chunks hold, and what is left of the references."""
    found, left = [], list(references)
    for chunk in chunks:
        for reference in references:
            if touches(chunk, reference):
                common = (max(chunk[0], reference[0]), min(chunk[1], reference[1]))
                found.append(common)
                left = without(left, common)
    return length(union(found)), left


def judge(questions: Sequence[Question], chunked: Chunked, best: Sequence[Sequence[int]]) -> Scores:
    """The evaluation's recall, precision and IoU of the chunks that were retrieved."""
    scores: list[tuple[float, float, float]] = []
    for question, places in zip(questions, best, strict=True):
        chunks = [chunked.ranges[place] for place in places if chunked.corpora[place] == question.corpus]
        found, left = covered(question.references, chunks)
        retrieved = length(chunked.ranges[place] for place in places)
        scores.append((found / length(question.references), found / retrieved, found / (retrieved + length(left))))
    recall, precision, iou = 100 * np.array(scores).T
    return Scores(recall, precision, iou)


def precision_omega(questions: Sequence[Question], chunked: Chunked) -> float:
    """Mean IoU, in percent, when exactly the chunks are taken that touch a reference."""
    values = []
    for question in questions:
        chunks = [
            chunk
            for chunk, corpus in zip(chunked.ranges, chunked.corpora, strict=True)
            if corpus == question.corpus and any(touches(chunk, reference) for reference in question.references)
        ]
        found, left = covered(question.references, chunks)
        values.append(found / length(union([*chunks, *left])))
    return 100 * float(np.mean(values))
