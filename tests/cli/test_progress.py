"""What bars say about speed, on a clock that the test turns."""

import io
import re

from rich.console import Console

from ragcli.cli.progress import Stages, bars


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def rate(work: list[tuple[float, int]]) -> str:
    """What is shown beside the count after a stage of 100,000 chunks was told of ``(second, done)``."""
    clock = Clock()
    console = Console(file=io.StringIO(), width=100)
    bar = bars("chunks", console, clock)
    stages = Stages(bar)
    for clock.now, done in work:
        stages.update("embedding", done, 100_000)
    with console.capture() as capture:
        console.print(bar.get_renderable())
    shown = re.search(r"[\d,.]+ chunks/s", capture.get())
    return shown[0] if shown else ""


def test_nothing_is_known_at_the_start() -> None:
    assert rate([(0, 1)]) == ""
    assert rate([(0, 1), (0.001, 2), (0.5, 60)]) == ""


def test_what_came_from_the_cache_at_once_is_no_speed() -> None:
    cached = [(place / 100_000, place) for place in range(1, 5_000)]
    embedded = [(second, 5_000 + 40 * second) for second in range(1, 6)]
    assert re.fullmatch(r"(4\d|[1-9]\d\d) chunks/s", rate([*cached, *embedded[-5:]]))


def test_a_steady_speed_is_told_as_it_is() -> None:
    assert rate([(second / 4, 10 * second) for second in range(25)]) == "40 chunks/s"
    assert rate([(2 * second, 3 * second) for second in range(5)]) == "1.5 chunks/s"
