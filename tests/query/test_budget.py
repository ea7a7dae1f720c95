import pytest

from ragcli.config.pack import PackConfig
from ragcli.errors import ConfigError, UsageError
from ragcli.models.prices import Price
from ragcli.query.budget import Budget, context_budget

PRICE = Price(2.0, 8.0, "2026-01-01")


def test_question_and_reply_are_taken_off() -> None:
    assert context_budget(PackConfig(), 120, None) == Budget(3380, "token budget")


def test_a_question_that_fills_the_budget_is_refused() -> None:
    with pytest.raises(UsageError, match="has 3500 tokens, which leaves no room"):
        context_budget(PackConfig(), 3500, None)


def test_money_limits_the_context() -> None:
    config = PackConfig(max_cost=0.007)  # 0.004 for the reply, 0.0002 for the framing: 0.0028 are left
    budget = context_budget(config, 100, PRICE)
    assert budget.limit == "cost limit"
    assert budget.tokens == 1400
    assert PRICE.cost(100 + 1400, 500) == pytest.approx(0.007)


def test_more_money_than_the_tokens_take_is_no_limit() -> None:
    assert context_budget(PackConfig(max_cost=1), 100, PRICE) == Budget(3400, "token budget")


def test_money_for_the_reply_alone_is_an_error() -> None:
    with pytest.raises(ConfigError, match="is spent on question and reply alone"):
        context_budget(PackConfig(max_cost=0.004), 100, PRICE)
