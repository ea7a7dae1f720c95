"""A/B tests: two configurations compared offline on the same queries, or online on split traffic."""
