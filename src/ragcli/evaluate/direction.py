"""Which way is better."""

_LOWER_IS_BETTER = frozenset(
    {"refusal_rate", "empty_answers", "uncited_answers", "removed_citations", "failed", "missing", "unjudged"}
)


def direction(metric: str) -> int:
    """1 when higher is better, -1 when lower is (times, tokens, cost, refusals, unj@k), 0 when neither is (length)."""
    name = metric.casefold()
    if name == "length" or name.endswith("_length") or name in {"judge_requests", "judge_cached", "unanswerable"}:
        return 0
    if name.endswith(("_ms", "_tokens", "_cost")) or name.startswith(("tokens", "cost", "unj@", "rbp_resid")):
        return -1
    return -1 if name in _LOWER_IS_BETTER else 1
