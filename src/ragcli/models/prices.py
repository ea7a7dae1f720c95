"""What language models cost: a dated table in the package, and the user's own before it."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from ragcli.config.models import ModelsConfig
from ragcli.config.yaml_tree import YamlFile, parse_file
from ragcli.errors import ConfigError

_TABLE = "prices.yaml"
_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")
_LAYOUT = "a line a model, such as  my-model: {input: 0.10, output: 0.40, dated: 2026-01-31}"


@dataclass(frozen=True, slots=True)
class Price:
    """Money per million tokens, in one currency.

    Attributes:
        input: Of what the model reads.
        output: Of what it writes.
        dated: Day the price is of, as in the table.
    """

    input: float
    output: float
    dated: str

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        """Money for so many tokens."""
        return (input_tokens * self.input + output_tokens * self.output) / 1e6


Prices = Mapping[str, Price]


def read_prices(models: ModelsConfig) -> dict[str, Price]:
    """The package's table with the user's own entries in place of it, which may name further models.

    Raises:
        ConfigError: The user's file cannot be read or is malformed.
    """
    packaged = (files(__package__) / _TABLE).read_bytes()
    prices = _prices(parse_file(packaged, _TABLE))
    if models.prices is not None:
        prices |= _prices(parse_file(_read(models.prices), str(models.prices)))
    return prices


def price_of(model: str, prices: Prices) -> Price | None:
    """The price of a model, or of that which a dated snapshot such as ``gpt-4o-2024-08-06`` is of; None if unknown."""
    return prices.get(model) or prices.get(_SNAPSHOT.sub("", model))


def known_price(model: str, prices: Prices) -> Price:
    """As ``price_of``, where a limit cannot be held without.

    Raises:
        ConfigError: The price is not known.
    """
    price = price_of(model, prices)
    if price is None:
        raise ConfigError(
            f"the price of the model {model!r} is not known, so no limit of cost can be held",
            hint=f"name a file by models.prices with {_LAYOUT}",
        )
    return price


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigError(f"models.prices: cannot read {file}: {error.strerror}", hint=_LAYOUT) from error


def _prices(table: YamlFile) -> dict[str, Price]:
    return {model: _price(f"{table.name}:{table.lines[model,]}", model, entry) for model, entry in table.tree.items()}


def _price(where: str, model: str, entry: object) -> Price:
    fields = entry if isinstance(entry, dict) else {}
    if fields.keys() != {"input", "output", "dated"}:
        raise ConfigError(f"{where}: {model} needs input, output and dated, and nothing else", hint=_LAYOUT)
    amounts = [fields["input"], fields["output"]]
    for amount in amounts:
        if isinstance(amount, bool) or not isinstance(amount, int | float) or not 0 <= amount < math.inf:
            raise ConfigError(f"{where}: prices of {model} must be numbers, 0 or more", hint=_LAYOUT)
    return Price(float(amounts[0]), float(amounts[1]), str(fields["dated"]))
