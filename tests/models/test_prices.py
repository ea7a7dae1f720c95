from pathlib import Path

import pytest

from ragcli.config.models import ModelsConfig
from ragcli.errors import ConfigError
from ragcli.models.prices import Price, known_price, price_of, read_prices


def test_prices_are_per_million_tokens() -> None:
    assert Price(2.5, 10.0, "").cost(1_000_000, 100_000) == 3.5


def test_the_packaged_table_is_dated_and_sane() -> None:
    prices = read_prices(ModelsConfig())
    assert {"gpt-4o", "gpt-4o-mini"} <= prices.keys()
    assert all(0 < price.input < price.output and price.dated.startswith("20") for price in prices.values())


def test_a_snapshot_has_the_price_of_its_model_and_a_relative_has_not() -> None:
    prices = {"gpt-4o": Price(1, 2, "")}
    assert price_of("gpt-4o-2024-08-06", prices) == prices["gpt-4o"]
    assert price_of("gpt-4o-mini", prices) is None
    with pytest.raises(ConfigError, match="'gpt-4o-mini' is not known, so no limit"):
        known_price("gpt-4o-mini", prices)


def test_a_file_of_the_user_goes_before(tmp_path: Path) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text("gpt-4o: {input: 0, output: 1, dated: 2030-01-01}\nmine: {input: 1, output: 2.5, dated: x}\n")
    prices = read_prices(ModelsConfig(prices=file))
    assert prices["gpt-4o"] == Price(0, 1, "2030-01-01")
    assert prices["mine"] == Price(1, 2.5, "x")
    assert "gpt-4o-mini" in prices


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("m: 3", "prices.yaml:1: m needs input, output and dated"),
        ("\nm: {input: 1, output: 2}", "prices.yaml:2: m needs input"),
        ("m: {input: -1, output: 2, dated: x}", "must be numbers, 0 or more"),
        ("m: {input: true, output: 2, dated: x}", "must be numbers, 0 or more"),
        ("m: {input: cheap, output: 2, dated: x}", "must be numbers, 0 or more"),
        ("m: !!python/name:os.system {}", "only plain values are read"),
    ],
)
def test_malformed_tables_are_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_prices(ModelsConfig(prices=file))


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"models\.prices: cannot read"):
        read_prices(ModelsConfig(prices=tmp_path / "none.yaml"))
