"""What is drawn: the failures that were seen, and policies that came to the same everywhere as one.

Their curves would hide each other.
"""

from __future__ import annotations

from collections.abc import Iterable

from batchsim.analysis.sweep import Sweep

Group = tuple[str, ...]
"""The names of policies."""


def drawn(sweep: Sweep) -> tuple[str, ...]:
    """The failures that were seen; where there are none, that there was no false failure, or that all were ok."""
    seen = tuple(name for name in sweep.failures if any(each.verdicts[name].count for each in sweep.cells))
    return seen or sweep.failures or ("ok",)


def alike(sweep: Sweep, verdict: str) -> list[Group]:
    """The policies with the same counts of a verdict at every point, together."""
    groups: dict[tuple[tuple[int, int], ...], list[str]] = {}
    for policy in sweep.policies:
        cells = [each for each in sweep.cells if each.policy == policy]
        counts = tuple((each.verdicts[verdict].count, each.runs) for each in cells)
        groups.setdefault(counts, []).append(policy)
    return [tuple(group) for group in groups.values()]


def heading(group: Iterable[str], width: int) -> str:
    """Their names, in lines of about so many letters."""
    lines = [""]
    for name in group:
        joined = f"{lines[-1]}, {name}" if lines[-1] else name
        if len(joined) > width and lines[-1]:
            lines[-1] += ","
            lines.append(name)
        else:
            lines[-1] = joined
    return "\n".join(lines)
