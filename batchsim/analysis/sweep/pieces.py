"""A piece of a sweep: some runs of one point under some policies, done by whoever has a core to spare."""

from __future__ import annotations

import pickle
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

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
    known = _known(piece, policies)
    numbers: dict[Ended, int] = {}
    codes: list[list[int]] = [[] for _ in piece.policies]
    seeds = [draw(piece.seeds, index) for index in range(piece.first, piece.first + piece.count)]
    for ends in known.together.ends(seeds):
        for end, column in zip(ends, codes, strict=True):
            column.append(numbers.setdefault(end, len(numbers)))
    if known.about:
        _LAST[:] = [known]  # not where an error, or Ctrl-C, left it half-way
    took_s = time.perf_counter() - begin
    return PieceDone(tuple(numbers), tuple(map(tuple, codes)), took_s, tuple(map(decided_by, policies)))


class _Known(NamedTuple):
    """What runs of a piece have come to know, and what it is about."""

    about: bytes
    """All that is sent of it; of code of the user's that is where it stands."""
    scenario: Scenario
    policies: list[Any]
    together: Together

    def is_about(self, about: bytes, scenario: Scenario, policies: list[Any]) -> bool:
        """Whether another piece is about the same, by the same code: a file may have been edited meanwhile."""
        ours, theirs = (each.own and each.own.model for each in (self.scenario, scenario))
        return (
            self.about == about
            and ours is theirs
            and self.scenario.setting.faults == scenario.setting.faults
            and self.policies == policies
        )


_LAST: list[_Known] = []
"""Of the last piece, while nobody is at it: a worker may run several at once."""


def _known(piece: Piece, policies: list[Any]) -> _Known:
    """What this process knows of runs under these policies: a piece is mostly about the same as the last one."""
    about = b""
    with suppress(Exception):  # what cannot be sent or compared is done here, and learned anew
        about = pickle.dumps((piece.scenario, piece.policies))
        for last in _taken():
            if last.is_about(about, piece.scenario, policies):
                return last
    return _Known(about, piece.scenario, policies, Together(piece.scenario, policies))


def _taken() -> list[_Known]:
    """What is known of the last piece, for one alone."""
    try:
        return [_LAST.pop()]
    except IndexError:
        return []


def at_hand(scenario: Scenario, policy: Portable) -> Any:
    """The policy itself, in whatever process this is."""
    if isinstance(policy, OwnPolicy):
        return scenario.find_policy(policy.reference, policy.directory)
    return policy
