"""A piece of a sweep: some runs of one point under some policies, done by whoever has a core to spare."""

from __future__ import annotations

import pickle
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from batchsim.analysis.sweep.together import Ended, Together
from batchsim.engines.streams import draw
from batchsim.scenario import Decided, Scenario, decided_by


@dataclass(frozen=True, slots=True)
class OwnPolicy:
    """A policy in a file of the user's own, or of a model in one, which another process reads for itself."""

    reference: str
    """`path/to/file.py:NAME`, or a name that the scenario knows."""
    directory: Path
    """What it is relative to."""


Portable: TypeAlias = Any
"""A policy as it can be sent to another process: itself, or an `OwnPolicy`."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Runs `first` … `first + count - 1` of a point, under each of the policies."""

    scenario: Scenario
    """At the point."""
    seeds: int
    """The base of the stream of seeds."""
    policies: tuple[Portable, ...]
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class PieceDone:
    """What the runs of a piece came to."""

    ends: tuple[Ended, ...]
    """The different ones."""
    codes: tuple[tuple[int, ...], ...]
    """By policy, then by run: which of the ends."""
    took_s: float
    decided: tuple[tuple[Decided, ...], ...] = ()
    """By policy: what those of the user's own decided in the process that did it, which has them for itself."""


def run_piece(piece: Piece) -> PieceDone:
    """Run a piece; what it comes to depends on nothing but the piece."""
    begin = time.perf_counter()
    policies = [at_hand(piece.scenario, each) for each in piece.policies]
    together = _together(piece, policies)
    numbers: dict[Ended, int] = {}
    codes: list[list[int]] = [[] for _ in piece.policies]
    seeds = [draw(piece.seeds, index) for index in range(piece.first, piece.first + piece.count)]
    for ends in together.ends(seeds):
        for end, column in zip(ends, codes, strict=True):
            column.append(numbers.setdefault(end, len(numbers)))
    took_s = time.perf_counter() - begin
    return PieceDone(tuple(numbers), tuple(map(tuple, codes)), took_s, tuple(map(decided_by, policies)))


_LAST: list[tuple[bytes, list[Any], Together]] = []
"""Of the last piece: what it is about, its policies, and what runs of them have come to know."""


def _together(piece: Piece, policies: list[Any]) -> Together:
    """What this process knows of runs under these policies: a piece is mostly about the same as the last one."""
    try:
        about = pickle.dumps((piece.scenario, piece.policies))
    except Exception:  # what cannot be sent is done here, and learned anew
        return Together(piece.scenario, policies)
    for last, theirs, together in _LAST:
        if last == about and theirs == policies:
            return together
    _LAST[:] = [(about, policies, Together(piece.scenario, policies))]
    return _LAST[0][2]


def at_hand(scenario: Scenario, policy: Portable) -> Any:
    """The policy itself, in whatever process this is."""
    if isinstance(policy, OwnPolicy):
        return scenario.find_policy(policy.reference, policy.directory)
    return policy
