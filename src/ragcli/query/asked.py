"""A question on its way through the engine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragcli.errors import UsageError
from ragcli.query.fuse import Arm
from ragcli.records import Query

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Variation:
    """One way to ask a question.

    Attributes:
        text: What is searched for.
        origin: Where it comes from, for people: ``the question``, ``words of handbook/seals.md`` ...
        weight: What it counts in the fusion.
        arm: The only arm it is put to, where the question is put to that one; otherwise all. One for the lexical arm
            is other words for the same meaning: its dense ranking is that of the question.
        passage: It is a text such as documents hold, and embedded as one.
    """

    text: str
    origin: str
    weight: float = 1.0
    arm: Arm | None = None
    passage: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """How a question was asked, as ``--explain`` shows it.

    Attributes:
        arms: The arms that were asked.
        reason: Why those, where the question decided it; otherwise empty.
        variations: All ways it was asked, the question itself first.
        documents: To how many documents the search was narrowed; None where it was not.
    """

    arms: tuple[Arm, ...]
    reason: str
    variations: tuple[Variation, ...]
    documents: int | None = None

    @property
    def told(self) -> bool:
        """Whether there is anything to tell that the settings do not say."""
        return bool(self.reason) or len(self.variations) > 1 or self.documents is not None


@dataclass(slots=True)
class Asked:
    """What is known of a question so far.

    Attributes:
        allowed: Chunk rows that may be returned, ascending; None for all.
        vectors: A unit vector for each of ``asked_by_meaning``, [v, d]; None until they are needed.
    """

    arms: tuple[Arm, ...]
    variations: tuple[Variation, ...]
    allowed: "NDArray[np.int64] | None"
    reason: str = ""
    documents: int | None = None
    vectors: "NDArray[np.float32] | None" = None

    @property
    def text(self) -> str:
        """The question itself."""
        return self.variations[0].text

    def arms_of(self, variation: Variation) -> tuple[Arm, ...]:
        """The arms that a variation is put to."""
        return (variation.arm,) if variation.arm in self.arms and variation.arm is not None else self.arms

    def asked_by_meaning(self) -> tuple[Variation, ...]:
        """The variations that are put to the dense arm, in order."""
        return tuple(variation for variation in self.variations if "dense" in self.arms_of(variation))

    def take_vectors(
        self, queries: "Mapping[str, NDArray[np.float32]]", passages: "Mapping[str, NDArray[np.float32]]"
    ) -> None:
        """Keep its vectors, out of those of texts embedded as questions and as documents."""
        import numpy as np

        self.vectors = np.stack([(passages if own.passage else queries)[own.text] for own in self.asked_by_meaning()])

    @property
    def plan(self) -> Plan:
        """What is told of it."""
        return Plan(self.arms, self.reason, self.variations, self.documents)


def texts_to_embed(asked: Sequence[Asked], *, passages: bool) -> list[str]:
    """Texts that are asked by their meaning and are passages, or are not, each once, in order."""
    every = (variation for question in asked for variation in question.asked_by_meaning())
    return list(dict.fromkeys(variation.text for variation in every if variation.passage == passages))


def text_of(query: Query) -> str:
    """The question as models and indexes take it.

    Raises:
        UsageError: It is empty.
    """
    if not query.text.strip():
        raise UsageError(f"question {query.id!r} is empty", hint='ragcli query "how do I ..."')
    return query.text.encode("utf-8", "replace").decode("utf-8")  # arguments may hold bytes that are no text
