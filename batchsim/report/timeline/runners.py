"""Who runs in a race: the actors of its two chains, their legs, and the names of their effects."""

from __future__ import annotations

from dataclasses import dataclass

from batchsim.analysis.chains import Stretch, steps_between
from batchsim.analysis.margins import Margin
from batchsim.batch.trace import Trace
from batchsim.model.run import Step
from batchsim.report.timeline.axis import TimeAxis
from batchsim.report.timeline.labels import Flag, Room, flags, text_width
from batchsim.report.timeline.style import BOLD, EDGE, LANE_OF_RACE, MARGIN, ROW, SMALL

_NAMED_MAX = (10, 6, 4, 2, 1)
"""So many effects of a lane are named at most, the last ones; fewer where the panel would become too high."""
_NOTE_GAP = 6.0


@dataclass(frozen=True, slots=True)
class Mark:
    """An effect in a lane of the panel."""

    x: float
    name: str
    note: str
    """When, since the cause."""
    is_end: bool

    @property
    def width(self) -> float:
        """How wide its label may become."""
        name = text_width(self.name, SMALL) * (BOLD if self.is_end else 1)
        return name + _NOTE_GAP + text_width(self.note, SMALL)


@dataclass(frozen=True, slots=True)
class Runner:
    """One actor's part in one of the two chains, with the flags of its marks."""

    actor: str
    legs: tuple[Stretch, ...]
    marks: tuple[Mark, ...]
    flags: tuple[Flag | None, ...]

    @property
    def flags_height(self) -> float:
        """How much its flags take (px)."""
        return max((flag.row + 1 for flag in self.flags if flag is not None), default=0) * ROW

    @property
    def height(self) -> float:
        """How much it takes, its flags included (px)."""
        return LANE_OF_RACE + self.flags_height

    @property
    def unnamed(self) -> int:
        """How many marks have no flag."""
        return self.flags.count(None)


def runners_of(
    margin: Margin, trace: Trace, axis: TimeAxis, height_max: float
) -> tuple[list[Runner], list[Runner]]:
    """The runners of the endpoint's chain and those of its rival's, no higher than that (px) if possible."""
    above: list[Runner] = []
    below: list[Runner] = []
    for named_max in _NAMED_MAX:
        above = _runners(margin, trace, margin.endpoint, axis, named_max)
        below = _runners(margin, trace, margin.rival, axis, named_max)
        if sum(runner.height for runner in (*above, *below)) <= height_max:
            break
    return above, below


def _runners(margin: Margin, trace: Trace, end: Step, axis: TimeAxis, named_max: int) -> list[Runner]:
    """The actors of a chain: above from the first to the last, below from the last to the first.

    So the last is beside the bracket on either side.
    """
    legs = margin.endpoint_legs if end is margin.endpoint else margin.rival_legs
    steps = steps_between(trace.steps, margin.cause, end)
    actors = [_process(end.actor)]
    for actor in reversed([_process(leg.actor) for leg in legs]):
        if actor not in actors:
            actors.append(actor)
    runners = [
        _runner(
            actor,
            tuple(leg for leg in legs if _process(leg.actor) == actor),
            tuple(_mark(step, end, axis) for step in steps if _process(step.actor) == actor),
            named_max,
        )
        for actor in actors
    ]
    return runners[::-1] if end is margin.endpoint else runners


def _process(actor: str) -> str:
    """The handler of an item that it handles beside others: a chain is never in two of them at once."""
    return actor.partition(".")[0]


def _mark(step: Step, end: Step, axis: TimeAxis) -> Mark:
    name = f"{step.name}: {step.description}" if step is end and step.description else step.name
    note = f"+{axis.seen(step.at_us - axis.from_us)}"
    return Mark(axis.x(step.at_us), name, note, step is end)


def _runner(actor: str, legs: tuple[Stretch, ...], marks: tuple[Mark, ...], named_max: int) -> Runner:
    named = [(mark.x, mark.width) for mark in marks[-named_max:]]
    unnamed = (None,) * (len(marks) - len(named))
    return Runner(actor, legs, marks, (*unnamed, *flags(named, Room(MARGIN, EDGE, named_max))))
