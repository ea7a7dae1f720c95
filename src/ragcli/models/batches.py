"""Texts in batches that hold next to no padding, spread over all cores.

Each worker runs whole batches on its own core. That beats one batch spread over all cores, which waits for the slowest
core in every operator.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

# Measured on two cores with 1 MB of second-level cache each: 1 to 1,024 tokens a batch are equally fast, 4,096 a
# fifth slower, because the activations no longer stay in the cache. Short texts gain from sharing a batch.
BATCH_TOKENS = 512
# From this length on a text shares a batch with texts of its own length only: it gains less from company than padding
# and its mask cost (measured: equal at 160).
_ALONE_TOKENS = 160
# How many characters a worker takes at a time, about a batch of English: small, so that all workers end together.
_TASK_CHARS = 4 * BATCH_TOKENS


@dataclass(frozen=True, slots=True)
class Encoded:
    """A tokenised text or pair: its place in the input, its token ids and, of a pair, which of the two each is from."""

    place: int
    ids: list[int]
    types: list[int] | None = None


def tasks(sizes: Sequence[int]) -> list[list[int]]:
    """Places of texts of some lengths in characters, in groups of about a batch.

    Longest first, so that no worker ends on a long one.
    """
    groups: list[list[int]] = []
    room = 0
    for place in sorted(range(len(sizes)), key=lambda place: -sizes[place]):
        if not groups or sizes[place] > room:
            groups.append([])
            room = _TASK_CHARS
        groups[-1].append(place)
        room -= sizes[place]
    return groups


def spread(work: Callable[[list[int]], None], groups: list[list[int]], threads: int) -> None:
    """Do the tasks in their order, on all workers where there is more than one of both."""
    if len(groups) == 1 or threads == 1:
        for group in groups:
            work(group)
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="ragcli-model") as workers:
        futures = [workers.submit(work, group) for group in groups]
        try:
            for future in futures:
                future.result()
        except BaseException:  # also a Ctrl-C: what has not begun need not begin
            workers.shutdown(wait=False, cancel_futures=True)
            raise


def batches(texts: list[Encoded], budget: int = BATCH_TOKENS) -> Iterator[list[Encoded]]:
    """Texts of like length together, at most so many tokens a batch with its padding; long ones without any."""
    texts.sort(key=lambda encoded: -len(encoded.ids))
    batch: list[Encoded] = []
    for encoded in texts:
        longest = len(batch[0].ids) if batch else 0
        apart = longest >= _ALONE_TOKENS and longest > len(encoded.ids)
        if batch and (apart or (len(batch) + 1) * longest > budget):
            yield batch
            batch = []
        batch.append(encoded)
    if batch:
        yield batch
