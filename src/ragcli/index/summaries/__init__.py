"""Summaries of documents and the index over them: which documents are about a question?"""

VERSION = 1
"""Raise it when the summary of a document changes: an index of other summaries is refused, and built anew."""
