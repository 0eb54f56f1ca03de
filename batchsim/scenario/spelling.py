"""What somebody may have meant: the only door to rapidfuzz."""

from __future__ import annotations

from collections.abc import Iterable

SIMILARITY_MIN = 0.5
NAME_LENGTH_MAX = 100


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, or `None` if none is like it."""
    if len(name) > NAME_LENGTH_MAX:
        return None
    from rapidfuzz import process
    from rapidfuzz.distance import DamerauLevenshtein

    best = process.extractOne(
        name,
        sorted(known),
        scorer=DamerauLevenshtein.normalized_similarity,
        processor=str.lower,
        score_cutoff=SIMILARITY_MIN,
    )
    return best[0] if best else None


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """A hint for a problem, `did you mean 'ok'?`; empty if nothing known is near."""
    best = nearest(name, known) if isinstance(name, str) else None
    return f"did you mean '{best}'?" if best else ""
