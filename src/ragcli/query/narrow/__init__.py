"""Deciding which documents are worth a search before their chunks are."""
