"""What all settings models share."""

from typing import Self, cast

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Base of every section: unknown keys are errors, values never change after loading."""

    # Building a validator costs far more than defining its class, and most commands need only a few of them.
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False, defer_build=True)

    @classmethod
    def defaults(cls) -> Self:
        """The section with every value at its default, made without its validator (a test validates them all)."""
        return cast("Self", cls.model_construct())
