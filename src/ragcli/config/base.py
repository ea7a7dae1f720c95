"""What all settings models share."""

from collections.abc import Callable
from typing import Self, cast

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Base of every section: unknown keys are errors, values never change after loading."""

    # Building a validator costs far more than defining its class, and most commands need only a few of them.
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False, defer_build=True)

    @classmethod
    def defaults(cls, **values: object) -> Self:
        """The section with every value at its default but those given, which are trusted.

        Its validator is not built, which takes longer than most commands; a test validates all defaults.
        """
        return cast("Callable[..., Self]", cls.model_construct)(**values)
