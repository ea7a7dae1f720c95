"""Writes clicks.jsonl: what the users of an imaginary product might have clicked on, for the A/B test of README.md.

Nobody uses an imaginary product, so all of this is drawn at random, the same each time: 800 users over two weeks, one
to three questions each, half of them served by words.yaml and half by hybrid.yaml, as the experiment ``search`` assigns
them. Users differ in how much they click; with hybrid search they click a third more often and wait 45 ms longer.
"""

import json
import math
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ragcli.abtest.assignment import Assigner, allocate

USERS, DAYS = 800, 14
CLICKED = {"control": 0.42, "treatment": 0.57}
WAITED_MS = {"control": 6.0, "treatment": 51.0}


def main() -> None:
    """Write the file beside this one."""
    draw = random.Random(7)
    assign = Assigner("search", allocate({"treatment": 0.5}, "control"))
    first = datetime(2026, 3, 2, tzinfo=UTC)
    events = []
    for number in range(USERS):
        user = f"u{number:03d}"
        variant = assign(user)
        habit = draw.gauss(0.0, 0.8)
        moment = first + timedelta(days=draw.random() * DAYS)
        for question in range(draw.choice((1, 1, 2, 3))):
            odds = CLICKED[variant] / (1 - CLICKED[variant]) * math.exp(habit)
            metrics = {
                "clicked": int(draw.random() < odds / (1 + odds)),
                "latency_ms": round(WAITED_MS[variant] * math.exp(draw.gauss(0.0, 0.3)), 1),
            }
            time = (moment + timedelta(minutes=3 * question)).isoformat(timespec="seconds")
            event = {"id": f"{user}-{question}", "user": user, "time": time, "variant": variant, "metrics": metrics}
            events.append(event)
    events.sort(key=lambda event: (event["time"], event["id"]))
    text = "".join(json.dumps(event, separators=(",", ":")) + "\n" for event in events)
    Path(__file__).with_name("clicks.jsonl").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
