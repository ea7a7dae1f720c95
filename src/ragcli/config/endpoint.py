"""Settings that every OpenAI-compatible endpoint has."""

from pydantic import Field

from ragcli.config.base import Settings


class EndpointSettings(Settings):
    """Where a model is asked over the network, and how patiently and often."""

    model: str = "gpt-4o-mini"
    """Its name there."""
    base_url: str = "https://api.openai.com/v1"
    """Any OpenAI-compatible address, such as ``http://127.0.0.1:11434/v1``; redirects are not followed."""
    timeout_s: float = Field(default=60.0, gt=0, le=3600)
    """Longest silence, of connecting, sending and reading each."""
    max_retries: int = Field(default=5, ge=0, le=100)
    """Retries of what may pass (no connection, silence, 408, 409, 429, 5xx), with exponential backoff or as late as
    Retry-After asks for, up to two minutes."""
    requests_per_minute: float | None = Field(default=None, gt=0)
    """The service's limit: requests, retries too, are spaced to keep it. None unless set."""
    tokens_per_minute: int | None = Field(default=None, gt=0)
    """The service's limit: after each answer, as long is waited as the tokens that the service counted take up."""
