"""From chunks to a generation."""
