"""What every report says of made questions."""

from collections import Counter

from ragcli.evaluate.judgements import Dataset

SYNTHETIC = "synthetic"
"""Tag of every made question, and name of the note."""


def synthetic_note(dataset: Dataset) -> dict[str, str]:
    """For ``EvalResult.notes``: how many of the judged questions were made, and of what; empty without such ones."""
    tags = [dataset.tags.get(query.id, ()) for query in dataset.judged]
    made = [own for own in tags if SYNTHETIC in own]
    if not made:
        return {}
    kinds = Counter(tag for own in made for tag in own if tag != SYNTHETIC)
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    return {SYNTHETIC: f"{len(made)} of {len(tags)} questions were made by a program, not asked by people ({told})"}
