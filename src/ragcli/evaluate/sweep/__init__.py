"""Settings tried against each other on judged questions, every stage that two of them share run once."""
