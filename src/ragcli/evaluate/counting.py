"""Numbers of things, for people."""


def counted(number: int, one: str, many: str = "") -> str:
    """``1 question``, ``1,200 questions``; ``many`` where that is no s more."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
