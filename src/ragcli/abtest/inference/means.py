"""Means of one value a user."""

from ragcli.abtest.inference.estimate import CONFIDENCE, Estimate, Values, from_moments, mean, variance_of_mean


def welch(control: Values, treatment: Values, *, confidence: float = CONFIDENCE) -> Estimate:
    """Welch's t-test of two means, whose variances need not be alike, and Fieller's interval of their ratio.

    Sources and degenerate input: ``from_moments``.
    """
    return from_moments(
        "Welch t-test",
        (mean(control), mean(treatment)),
        (variance_of_mean(control), variance_of_mean(treatment)),
        (control.size, treatment.size),
        confidence,
    )
