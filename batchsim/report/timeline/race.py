"""The lower panel: the race, from the last common cause to a little after the later of the two.

The chain that leads to the endpoint's step is drawn above, the one that leads to its rival below, each
actor in a lane of its own; between them a bracket shows the margin. Names of effects hang on the
outer sides of the lanes, so the bracket stays clear.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from batchsim.analysis.chains import Stretch
from batchsim.analysis.margins import Margin
from batchsim.batch.trace import Trace
from batchsim.report.phrases import cause, counted, margin_sentence
from batchsim.report.timeline import panel
from batchsim.report.timeline.axis import AxisPart, Breaking, TimeAxis, axis_of
from batchsim.report.timeline.labels import Flag, text_width
from batchsim.report.timeline.runners import Mark, Runner, runners_of
from batchsim.report.timeline.style import (
    BOLD,
    EDGE,
    FONT,
    LANE_OF_RACE,
    LEFT,
    MARGIN,
    RIGHT,
    ROW,
    SMALL,
    hue,
    kinds_in,
)
from batchsim.report.timeline.svg import group, path, text, text_with_note
from batchsim.rounding import exact_instant, rounded

_BAR = 17.0
_AROUND = 100.0
"""What the panel takes beside its lanes (px)."""
_BRACKET = 38.0
_BREAKING = Breaking(breaks_max=6, factor=12)
_MORE_SHARE = 40
"""The panel goes on for one part in so many after the later step."""


@dataclass(frozen=True, slots=True)
class Race:
    """The panel, and what must be known to stand above and below it."""

    axis: TimeAxis
    bottom: float
    elements: tuple[str, ...]


def race(margin: Margin, trace: Trace, top: float, height_max: float) -> Race:
    """The panel of a race, from `top` (px) downwards; about as high as `height_max` (px) at most."""
    axis = _axis(margin)
    above, below = runners_of(margin, trace, axis, height_max - _AROUND)
    drawn: list[str] = []
    kinds = kinds_in(trace)
    lanes_top = y = top + 24
    for runner in above:
        y += runner.height
        drawn.append(_lane(runner, axis, y - LANE_OF_RACE / 2, kinds, away=-1))
    bracket = _Bracket(margin, axis, top=y, bottom=y + _BRACKET)
    y += _BRACKET
    for runner in below:
        drawn.append(_lane(runner, axis, y + LANE_OF_RACE / 2, kinds, away=1))
        y += runner.height + 4
    ticks = axis.ticks(axis.from_us)
    elements = (
        text(MARGIN, top + 6, _heading(margin, axis), "panel"),
        group("", panel.grid(ticks, lanes_top, y)),
        *drawn,
        group("won" if margin.is_won else "lost", bracket.elements()),
        *panel.tick_labels([(x, f"+{label}") for x, label in ticks], axis, y + 14),
        *panel.break_labels(axis, y + 14),
    )
    return Race(axis, y + 20, elements)


def _heading(margin: Margin, axis: TimeAxis) -> str:
    since = f"{cause(margin)} at {exact_instant(axis.from_us)}"
    return f"The race of {margin.endpoint.name} against {margin.rival.name}, since {since}"


def _axis(margin: Margin) -> TimeAxis:
    from_us = 0 if margin.cause is None else margin.cause.at_us
    last_us = max(margin.endpoint.at_us, margin.rival.at_us, from_us + 1)
    legs = (*margin.endpoint_legs, *margin.rival_legs)
    instants = {from_us, last_us, *(end for leg in legs for end in (leg.from_us, leg.to_us))}
    axis = axis_of(instants, LEFT, RIGHT, _BREAKING)
    more_us = max(int(axis.us_per_px * (RIGHT - LEFT)) // _MORE_SHARE, 1)
    return axis_of({*instants, last_us + more_us}, LEFT, RIGHT, _BREAKING)


# -- lanes -------------------------------------------------------------------------------------


def _lane(runner: Runner, axis: TimeAxis, middle: float, kinds: Sequence[str], *, away: int) -> str:
    drawn = [
        panel.lane_name(runner.actor, middle),
        *panel.legs(runner.legs, axis, middle, _BAR),
        *panel.torn_strips(_torn(runner.legs, axis), middle - _BAR / 2 - 3, middle + _BAR / 2 + 3),
        *_durations(runner.legs, axis, middle),
        *panel.ticks_of_effects([mark.x for mark in runner.marks], middle, _BAR + 4),
    ]
    for mark, flag in zip(runner.marks, runner.flags, strict=True):
        if flag is not None:
            drawn += _flag(mark, flag, middle, away)
    if runner.unnamed:
        note = f"{counted(runner.unnamed, 'effect')} not named"
        drawn.append(text(EDGE, middle + 4, note, "small quiet", "end"))
    return group(hue(runner.actor.partition("-")[0], kinds), drawn)


def _durations(legs: Sequence[Stretch], axis: TimeAxis, middle: float) -> Iterator[str]:
    """How long the longer legs took, in the widest piece of their bars."""
    for leg in legs:
        edges = [axis.x(leg.from_us), axis.x(leg.to_us)]
        for brk in _torn([leg], axis):
            edges[-1:-1] = [brk.left, brk.right]
        left, right = max(zip(edges[::2], edges[1::2], strict=True), key=lambda piece: piece[1] - piece[0])
        words = rounded(leg.duration_us)
        if leg.part != "response" and text_width(words, SMALL) + 10 <= right - left:
            yield text((left + right) / 2, middle + 4, words, "small", "middle")


def _torn(legs: Sequence[Stretch], axis: TimeAxis) -> list[AxisPart]:
    """The breaks that some of the legs go through."""
    return [brk for brk in axis.breaks if any(leg.from_us < brk.to_us and brk.from_us < leg.to_us for leg in legs)]


def _flag(mark: Mark, flag: Flag, middle: float, away: int) -> Iterator[str]:
    baseline = middle + away * (LANE_OF_RACE / 2 + ROW * flag.row + ROW / 2) + 3
    yield path([(mark.x, middle + away * _BAR / 2), (mark.x, baseline - 3 + 4 * away)], "leader")
    class_ = "small strong" if mark.is_end else "small"
    anchor = "end" if flag.goes_left else "start"
    x = flag.right if flag.goes_left else flag.left
    yield text_with_note(x, baseline, mark.name, mark.note, class_=class_, anchor=anchor)


# -- the bracket -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Bracket:
    margin: Margin
    axis: TimeAxis
    top: float
    bottom: float

    def elements(self) -> Iterator[str]:
        endpoint, rival = self.axis.x(self.margin.endpoint.at_us), self.axis.x(self.margin.rival.at_us)
        left, right = min(endpoint, rival), max(endpoint, rival)
        y = (self.top + self.bottom) / 2 + 2
        yield path([(endpoint, self.top - LANE_OF_RACE / 2), (endpoint, y)], "duel")
        yield path([(rival, self.bottom + LANE_OF_RACE / 2), (rival, y)], "duel")
        yield from _arrow(left, right, y)
        yield panel.diamond(endpoint, self.top - LANE_OF_RACE / 2)
        yield panel.diamond(rival, self.bottom + LANE_OF_RACE / 2)
        yield _result(self.margin, left, right, y)


def _arrow(left: float, right: float, y: float) -> Iterator[str]:
    yield path([(left, y), (right, y)], "bracket")
    if right - left > 16:
        for tip, inwards in ((left, 7), (right, -7)):
            yield path([(tip, y), (tip + inwards, y - 3.5), (tip + inwards, y + 3.5)], "head", closed=True)


def _result(margin: Margin, left: float, right: float, y: float) -> str:
    words = f"{'won' if margin.is_won else 'lost'}: {margin_sentence(margin)}"
    width = text_width(words, FONT) * BOLD
    if width + 30 <= right - left:
        return text((left + right) / 2, y - 6, words, "result", "middle")
    if right + 10 + width <= EDGE:
        return text(right + 10, y + 4, words, "result")
    return text(left - 10, y + 4, words, "result", "end")
