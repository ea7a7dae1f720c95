"""Citations in an answer's text: ``[1]``, ``[1, 3]``, ``[1][3]``. One of nothing is taken out and counted."""

import re
from collections.abc import Collection, Iterable

from ragcli.records import Citation, Context, Excerpt, Section

_WHOLE = re.compile(r"(?P<space> ?)\[(?=[^\]]{1,40}\])(?P<numbers>\s*\d{1,4}(?:\s*[,;]\s*\d{1,4})*\s*)\]")
_BEGUN = re.compile(r" ?(?:\[[\d\s,;]{0,40})?$")
_NUMBER = re.compile(r"\d+")
_CODE = re.compile(r"(`+)")


class CitationFilter:
    """Takes citations of nothing out of a text that comes in pieces; the outcome does not depend on how it is cut.

    What stands in code, between backticks, is no citation.

    Args:
        numbers: The excerpts that can be cited.

    Attributes:
        cited: Numbers that were cited, in the order of first mention.
        removed: How many citations of nothing were taken out.
    """

    def __init__(self, numbers: Collection[int]) -> None:
        self._numbers = numbers
        self._held = ""
        self._in_code = False
        self.cited: list[int] = []
        self.removed = 0

    def feed(self, text: str) -> str:
        """What can be said of the text so far, the rest being held back."""
        self._held += text
        begun = _BEGUN.search(self._held)
        place = len(self._held) if begun is None else begun.start()
        ready, self._held = self._held[:place], self._held[place:]
        return self._checked(ready)

    def flush(self) -> str:
        """What was held back, at the end of the text."""
        ready, self._held = self._held, ""
        return self._checked(ready)

    def _checked(self, text: str) -> str:
        pieces = []
        for piece in _CODE.split(text):
            if piece.startswith("`"):
                self._in_code ^= len(piece) % 2 == 1
                pieces.append(piece)
            else:
                pieces.append(piece if self._in_code else _WHOLE.sub(self._replaced, piece))
        return "".join(pieces)

    def _replaced(self, found: re.Match[str]) -> str:
        wanted = [int(number) for number in _NUMBER.findall(found["numbers"])]
        known = [number for number in wanted if number in self._numbers]
        self.removed += len(wanted) - len(known)
        self.cited += [number for number in dict.fromkeys(known) if number not in self.cited]
        if len(known) == len(wanted):
            return found[0]
        return f"{found['space']}[{', '.join(map(str, known))}]" if known else ""


def without_citations(text: str) -> str:
    """A text that is quoted: what looks like a citation in it is the document's own and cites nothing here."""
    checked = CitationFilter(())
    return checked.feed(text) + checked.flush()


def citations_of(context: Context, numbers: Iterable[int]) -> tuple[Citation, ...]:
    """Where the excerpts of some numbers are, in the order of the numbers given."""
    excerpts = {excerpt.number: excerpt for excerpt in context.excerpts}
    return tuple(citation(excerpts[number]) for number in numbers)


def citation(excerpt: Excerpt, span: tuple[int, int] | None = None) -> Citation:
    """A citation of an excerpt, or of a range of it, by its document's offsets."""
    start, end = span or (excerpt.start, excerpt.end)
    best = next((one for one in excerpt.sections if one.headings == excerpt.headings), Section(start))
    section = best if span is None else max(
        (one for one in excerpt.sections if one.start <= start), key=lambda one: one.start, default=best
    )  # fmt: skip
    return Citation(
        number=excerpt.number,
        document=excerpt.document,
        path=excerpt.path,
        start=start,
        end=end,
        heading=section.headings[-1] if section.headings else "",
        page=section.page,
        chunk_ids=excerpt.chunk_ids,
    )
