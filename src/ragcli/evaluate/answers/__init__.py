"""From answers and references to scores."""
