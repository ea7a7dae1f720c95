"""How many tokens a context may have: what a model's limits leave beside the question and the reply."""

import math
from dataclasses import dataclass

from ragcli.config.pack import PackConfig
from ragcli.errors import ConfigError, UsageError
from ragcli.models.prices import Price
from ragcli.query.pack import Limit


@dataclass(frozen=True, slots=True)
class Budget:
    """Tokens of a context at most, and the limit that says so."""

    tokens: int
    limit: Limit


def context_budget(config: PackConfig, framing_tokens: int, price: Price | None, spent: float = 0.0) -> Budget:
    """What is left for the context.

    Args:
        config: The limits.
        framing_tokens: Length of all that is sent beside the context.
        price: Of the model, where ``config.max_cost`` is to be held; the reply is taken to be as long as it may.
        spent: What the question has cost already.

    Raises:
        UsageError: The question leaves no room in the model's budget.
        ConfigError: Nor does the most that it may cost.
    """
    room = config.max_tokens - config.reserve_tokens - framing_tokens
    if room < 1:
        raise UsageError(
            f"the question with its instructions has {framing_tokens} tokens, which leaves no room for a context",
            hint=f"ask in fewer words, or raise query.pack.max_tokens above {config.max_tokens}",
        )
    if config.max_cost is None or price is None:
        return Budget(room, "token budget")
    left = config.max_cost - spent - price.cost(framing_tokens, config.reserve_tokens)
    if left <= 0:
        raise ConfigError(
            f"query.pack.max_cost {config.max_cost} is spent on question and reply alone",
            hint="raise it, or lower query.pack.reserve_tokens",
        )
    affordable = room if price.input == 0 else min(room, math.floor(left / price.input * 1e6 + 1e-6))
    return Budget(affordable, "token budget" if affordable == room else "cost limit")
