"""How much worse does not matter."""

import math
from dataclasses import dataclass

from ragcli.errors import UsageError

MARGIN = 0.02
"""Largest drop of a metric between 0 and 1 that does not matter."""
RELATIVE_MARGIN = 0.1
"""The same for times, tokens and costs, as a share of the baseline's mean."""


@dataclass(frozen=True, slots=True)
class Margin:
    """The largest change for the worse that does not matter: an amount, or a share of the baseline's mean."""

    value: float
    relative: bool = False

    @classmethod
    def parse(cls, text: str) -> "Margin":
        """Read ``0.02`` or ``5%``.

        Raises:
            UsageError: It is neither, or below 0.
        """
        number, relative = text.strip().removesuffix("%"), text.strip().endswith("%")
        try:
            value = float(number) / (100 if relative else 1)
        except ValueError:
            value = math.nan
        if not 0.0 <= value < math.inf:
            raise UsageError(f"{text!r} is not a margin", hint="an amount such as 0.02, or a share such as 5%")
        return cls(value, relative)

    def amount(self, baseline: float) -> float:
        """In the metric's own units."""
        return self.value * abs(baseline) if self.relative else self.value
