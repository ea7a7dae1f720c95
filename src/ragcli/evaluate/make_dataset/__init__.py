"""Questions with span judgements made from the user's own documents."""
