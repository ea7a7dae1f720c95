"""Models that score a question together with a text."""
