"""Who sees which variant: a hash of the user, the same on every machine and in every process.

A user's hash is a point between 0 and 1, and variants own stretches of that line. A share that grows takes its new
stretch from control, so nobody who was in a treatment falls out of it. The hash is salted, so that the users of one
experiment are mixed anew in the next (Kohavi, Tang and Xu, Trustworthy Online Controlled Experiments, 2020).
"""

import hashlib
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple, TypeAlias

from ragcli.errors import UsageError

Rule: TypeAlias = Literal["salted", "md5_percent"]
_BYTES = 8
_FULL = 1 << 8 * _BYTES
_NOTHING = 1e-12  # narrower stretches are rounding


class Stretch(NamedTuple):
    """A part of the line from 0 to 1, up to but without ``end``, that a variant owns."""

    start: float
    end: float
    variant: str


def allocate(shares: Mapping[str, float], control: str, before: tuple[Stretch, ...] = ()) -> tuple[Stretch, ...]:
    """Stretches that give each treatment its share, changing as few users as can be.

    Args:
        shares: Treatment -> share of all users; what is left is control's.
        control: Who gives and takes.
        before: The stretches so far; none for a new experiment.

    Raises:
        UsageError: A share is not above 0 (or not 0 where it shrinks), or they leave control nothing.
    """
    if any(not 0.0 <= share < 1.0 for share in shares.values()) or sum(shares.values()) >= 1.0 - _NOTHING:
        raise UsageError(
            f"shares {', '.join(f'{share:g}' for share in shares.values())} leave control nothing",
            hint="each between 0 and 1, below 1 together: --split 0.5",
        )
    stretches = list(before) or [Stretch(0.0, 1.0, control)]
    for variant, share in shares.items():
        owned = sum(one.end - one.start for one in stretches if one.variant == variant)
        if share < owned:
            stretches = _moved(stretches[::-1], owned - share, variant, control)[::-1]
    for variant, share in shares.items():
        owned = sum(one.end - one.start for one in stretches if one.variant == variant)
        stretches = _moved(stretches, share - owned, control, variant)
    return _joined(stretches)


def _moved(stretches: list[Stretch], share: float, giver: str, taker: str) -> list[Stretch]:
    """As much of the line from one variant to another, from the first stretch on; backwards in a reversed list."""
    backwards = len(stretches) > 1 and stretches[0].start > stretches[-1].start
    moved: list[Stretch] = []
    for one in stretches:
        size = min(max(share, 0.0), one.end - one.start) if one.variant == giver else 0.0
        share -= size
        if size <= _NOTHING:
            moved.append(one)
        elif backwards:
            moved += [Stretch(one.end - size, one.end, taker), Stretch(one.start, one.end - size, giver)]
        else:
            moved += [Stretch(one.start, one.start + size, taker), Stretch(one.start + size, one.end, giver)]
    return [one for one in moved if one.end - one.start > _NOTHING]


def _joined(stretches: list[Stretch]) -> tuple[Stretch, ...]:
    joined: list[Stretch] = []
    for one in stretches:
        if joined and joined[-1].variant == one.variant:
            joined[-1] = Stretch(joined[-1].start, one.end, one.variant)
        else:
            joined.append(one)
    return tuple(joined)


def settled(history: Sequence[tuple[Stretch, ...]]) -> tuple[Stretch, ...]:
    """Stretches that have had one owner throughout; those between them have the owner ``""``."""
    bounds = sorted({bound for stretches in history for one in stretches for bound in (one.start, one.end)})
    parts = []
    for start, end in pairwise(bounds):
        owners = {one.variant for stretches in history for one in stretches if one.start <= start < one.end}
        parts.append(Stretch(start, end, owners.pop() if len(owners) == 1 else ""))
    return _joined(parts)


class Assigner:
    """Assigns users to variants; it is called a user, and is the same wherever it is made from the same values.

    Args:
        salt: What tells this experiment's assignment from others'.
        stretches: Who owns what.
        overrides: User -> variant, for testers.
        rule: ``md5_percent`` is md5 of the user alone, modulo 100, as percent of the line.
    """

    def __init__(
        self,
        salt: str,
        stretches: tuple[Stretch, ...],
        overrides: Mapping[str, str] | None = None,
        rule: Rule = "salted",
    ) -> None:
        self._prefix = f"{salt}\0".encode()
        self._bounds = [min(round(one.end * _FULL), _FULL - 1).to_bytes(_BYTES, "big") for one in stretches[:-1]]
        self._variants = [one.variant for one in stretches]
        self._overrides = dict(overrides or {})
        self._ends = [round(one.end * 100) for one in stretches[:-1]] if rule == "md5_percent" else None

    def __call__(self, user: str) -> str:
        """The user's variant."""
        if user in self._overrides:
            return self._overrides[user]
        data = user.encode("utf-8", "surrogatepass")
        if self._ends is not None:
            percent = int.from_bytes(hashlib.md5(data, usedforsecurity=False).digest(), "big") % 100
            return self._variants[bisect_right(self._ends, percent)]
        return self._variants[
            bisect_right(self._bounds, hashlib.blake2b(self._prefix + data, digest_size=_BYTES).digest())
        ]
