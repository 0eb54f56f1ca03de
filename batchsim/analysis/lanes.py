"""Lanes: who was busy with what when, for pictures of a run.

A lane is an actor with its legs and its effects. Where a run has more actors than a picture can show,
those that its explanation does not need are folded into one lane that tells how many were busy at once.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby

from batchsim.analysis.chains import Stretch
from batchsim.model.operation import BlockingOperation, Stopped
from batchsim.model.run import AnyRun, Step

_KINDS = ("sdk", "handler", "consumer", "run", "job", "reaper")


@dataclass(frozen=True, slots=True)
class ActorLane:
    """One actor: its legs in the order in which they begin, and its steps."""

    actor: str
    legs: tuple[Stretch, ...]
    steps: tuple[Step, ...]

    @property
    def kind(self) -> str:
        """The kind of the actor: `consumer` of `consumer-0`."""
        return self.actor.partition("-")[0]


@dataclass(frozen=True, slots=True)
class FoldedLanes:
    """Actors of one kind in a single lane."""

    kind: str
    count: int
    """How many they are."""
    of_handler: str | None
    """The handler that runs them side by side, where they are items of one."""
    others_shown: bool
    """Whether others of the same kind have lanes of their own."""
    busy: tuple[tuple[int, int], ...]
    """Since when (us) how many of them were busy; begins with none, ends with none."""

    @property
    def peak(self) -> int:
        """How many were busy at once, at most."""
        return max((count for _, count in self.busy), default=0)


def lanes_of(trace: AnyRun) -> tuple[ActorLane, ...]:
    """A lane for each actor that took a step, in the order of protocol.md §3."""
    steps: dict[str, list[Step]] = {}
    for step in trace.steps:
        steps.setdefault(step.actor, []).append(step)
    return tuple(
        ActorLane(actor, tuple(_legs(actor, steps[actor], trace)), tuple(steps[actor]))
        for actor in sorted(steps, key=_rank)
    )


def _rank(actor: str) -> tuple[int, str, tuple[int, ...]]:
    kind, _, numbers = actor.partition("-")
    place = _KINDS.index(kind) if kind in _KINDS else len(_KINDS)
    return place, kind, tuple(int(number) for number in re.findall(r"\d+", numbers))


def _legs(actor: str, steps: Iterable[Step], trace: AnyRun) -> Iterator[Stretch]:
    for step in steps:
        yield from _legs_of(step, trace.steps)
    yield from (
        Stretch(wait.actor, wait.name, "wait", wait.from_us, wait.to_us)
        for wait in trace.waits
        if wait.actor == actor
    )


def _legs_of(step: Step, steps: Sequence[Step]) -> Iterator[Stretch]:
    if not isinstance(step.operation, BlockingOperation):
        if step.issued_us < step.at_us:
            yield Stretch(step.actor, step.name, "request", step.issued_us, step.at_us)
    elif not step.operation.is_idle:
        # An idle consumer is no bar, but an attempt under way and a timer that runs are.
        since_us = step.issued_us
        if not step.operation.is_under_way and step.woken_by is not None:
            since_us = max(since_us, steps[step.woken_by].at_us)
        yield Stretch(step.actor, step.name, "wait", since_us, step.at_us)
    if step.at_us < step.answered_us and not _ends_its_actor(step):
        yield Stretch(step.actor, step.name, "response", step.at_us, step.answered_us)


def _ends_its_actor(step: Step) -> bool:
    return step.raised is not None and step.raised.error is Stopped


def with_folded(
    lanes: Sequence[ActorLane], involved: Collection[str], lanes_max: int
) -> tuple[ActorLane | FoldedLanes, ...]:
    """The lanes, with large groups folded until at most `lanes_max` are left, if that can be done.

    The actors in `involved` keep lanes of their own as long as that helps.
    """
    shown: tuple[ActorLane | FoldedLanes, ...] = tuple(lanes)
    for limit in (4, 3, 2, 1, 0):
        if len(shown) <= lanes_max and limit < 4:
            break
        shown = tuple(_folded_to(lanes, involved, limit))
    return shown


def _folded_to(
    lanes: Iterable[ActorLane], involved: Collection[str], limit: int
) -> Iterator[ActorLane | FoldedLanes]:
    for handler_of_items, group in groupby(lanes, key=_group):
        members = list(group)
        if len(members) <= max(limit, 1) or not _may_fold(members[0]):
            yield from members
            continue
        kept = [lane for lane in members if lane.actor in involved][::-1][:limit][::-1]
        rest = [lane for lane in members if lane not in kept]
        yield from kept
        yield _fold(rest, handler_of_items[1], others_shown=bool(kept))


def _group(lane: ActorLane) -> tuple[str, str | None]:
    handler, dot, _ = lane.actor.partition(".")
    return lane.kind, handler if dot else None


def _may_fold(lane: ActorLane) -> bool:
    return lane.kind != "handler" or "." in lane.actor


def _fold(lanes: Sequence[ActorLane], handler: str | None, *, others_shown: bool) -> FoldedLanes:
    return FoldedLanes(
        kind=lanes[0].kind,
        count=len(lanes),
        of_handler=handler,
        others_shown=others_shown,
        busy=_busy(lanes),
    )


def _busy(lanes: Iterable[ActorLane]) -> tuple[tuple[int, int], ...]:
    changes: dict[int, int] = {}
    for lane in lanes:
        for from_us, to_us in busy_stretches(lane.legs):
            changes[from_us] = changes.get(from_us, 0) + 1
            changes[to_us] = changes.get(to_us, 0) - 1
    instants = sorted(instant for instant, change in changes.items() if change)
    counts = accumulate(changes[instant] for instant in instants)
    return tuple(zip(instants, counts, strict=True))


def busy_stretches(legs: Iterable[Stretch]) -> Iterator[tuple[int, int]]:
    """From when to when (us) there was at least one leg; stretches that touch are one."""
    begun: tuple[int, int] | None = None
    for leg in sorted(legs, key=lambda leg: leg.from_us):
        if begun is not None and leg.from_us <= begun[1]:
            begun = (begun[0], max(begun[1], leg.to_us))
            continue
        if begun is not None:
            yield begun
        begun = (leg.from_us, leg.to_us)
    if begun is not None:
        yield begun
