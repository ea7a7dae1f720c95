"""Lexical engines."""
