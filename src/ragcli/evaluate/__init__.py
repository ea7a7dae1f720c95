"""From hits and judgements to scores."""
