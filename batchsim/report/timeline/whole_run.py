"""The upper panel: the whole run, a lane for each actor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, pairwise
from operator import itemgetter

from batchsim.analysis.contest import involved_in
from batchsim.analysis.lanes import ActorLane, FoldedLanes, lanes_of, with_folded
from batchsim.analysis.runs import PolicyRun
from batchsim.report.timeline import panel
from batchsim.report.timeline.axis import AxisPart, Breaking, TimeAxis, axis_of
from batchsim.report.timeline.captions import captions_of
from batchsim.report.timeline.placing import Words, placed
from batchsim.report.timeline.style import LEFT, RIGHT, hue, kinds_in
from batchsim.report.timeline.svg import group, path, text

LANE = 22.0
FOLD = 30.0
LANES_MAX = 20
_BREAKING = Breaking(breaks_max=3, factor=10)
_NOUNS = {"run": "child run", "job": "job worker"}

DrawLane = Callable[[ActorLane | FoldedLanes, float], Iterator[str]]
"""Draws a lane around the given middle (px)."""


@dataclass(frozen=True, slots=True)
class WholeRun:
    """The panel, and what must be known to stand below it."""

    axis: TimeAxis
    top: float
    bottom: float
    elements: tuple[str, ...]


def whole_run(run: PolicyRun, top: float) -> WholeRun:
    """The panel of a run, from `top` (px) downwards."""
    lanes = lanes_of(run.trace)
    axis = axis_of(_instants(lanes, run), LEFT, RIGHT, _BREAKING)
    shown = with_folded(lanes, involved_in(run), LANES_MAX)
    words = _words_of(run, [lane for lane in shown if isinstance(lane, ActorLane)], axis)
    lanes_top = top + 22
    bottom = lanes_top + sum(_height(lane) for lane in shown)
    ticks = axis.ticks()
    elements = [
        *panel.tick_labels(ticks, axis, top + 14),
        group("", panel.grid(ticks, lanes_top, bottom)),
        *_lanes(shown, lanes_top, lambda lane, middle: _bars(lane, run, axis, middle)),
        *_torn_strips(shown, words, axis, lanes_top),
        *panel.break_labels(axis, top + 14),
        *_lanes(shown, lanes_top, lambda lane, middle: _words(lane, words, middle)),
    ]
    return WholeRun(axis, lanes_top, bottom, tuple(elements))


def _instants(lanes: Iterable[ActorLane], run: PolicyRun) -> Iterator[int]:
    yield 0
    # The end of a call is none of a run of another system.
    yield max(run.trace.ended_us, getattr(run.trace, "called_back_us", 0), 1)
    for lane in lanes:
        yield from (step.at_us for step in lane.steps)
        for leg in lane.legs:
            yield leg.from_us
            yield leg.to_us


def _height(lane: ActorLane | FoldedLanes) -> float:
    return FOLD if isinstance(lane, FoldedLanes) else LANE


def _lanes(shown: Iterable[ActorLane | FoldedLanes], top: float, draw: DrawLane) -> Iterator[str]:
    for lane in shown:
        height = _height(lane)
        yield from draw(lane, top + height / 2)
        top += height


def _bars(lane: ActorLane | FoldedLanes, run: PolicyRun, axis: TimeAxis, middle: float) -> Iterator[str]:
    drawn = _skyline(lane, axis, middle) if isinstance(lane, FoldedLanes) else _lane(lane, run, axis, middle)
    yield group(hue(lane.kind, kinds_in(run.trace)), drawn)


def _lane(lane: ActorLane, run: PolicyRun, axis: TimeAxis, middle: float) -> Iterator[str]:
    yield from panel.legs(lane.legs, axis, middle)
    yield from panel.ticks_of_effects([axis.x(step.at_us) for step in lane.steps], middle, panel.BAR + 4)
    for step in lane.steps:
        if step.number in run.decisive:
            yield panel.diamond(axis.x(step.at_us), middle)


def _words_of(run: PolicyRun, lanes: Sequence[ActorLane], axis: TimeAxis) -> dict[str, tuple[Words, ...]]:
    """The words in each lane, by actor."""
    captions = captions_of(run, lanes)
    return {
        lane.actor: tuple(placed(captions[lane.actor], [(leg.from_us, leg.to_us) for leg in lane.legs], axis))
        for lane in lanes
    }


def _torn_strips(
    shown: Sequence[ActorLane | FoldedLanes], words: Mapping[str, Sequence[Words]], axis: TimeAxis, top: float
) -> Iterator[str]:
    """A torn strip for each break, but for the lanes in which words have its place: no letter is crossed."""
    ends = list(accumulate((_height(lane) for lane in shown), initial=top))
    for brk in axis.breaks:
        is_written = [isinstance(lane, ActorLane) and _is_written(brk, words[lane.actor]) for lane in shown]
        for is_covered, stretch in groupby(zip(is_written, pairwise(ends), strict=True), key=itemgetter(0)):
            if not is_covered:
                lanes = [ends_of for _, ends_of in stretch]
                yield from panel.torn_strips([brk], lanes[0][0], lanes[-1][1])


def _is_written(brk: AxisPart, words: Iterable[Words]) -> bool:
    return any(each.left < brk.right and brk.left < each.right for each in words)


def _words(lane: ActorLane | FoldedLanes, words: Mapping[str, Sequence[Words]], middle: float) -> Iterator[str]:
    if isinstance(lane, FoldedLanes):
        yield panel.lane_name(_name(lane), middle)
        if lane.peak:
            yield text(RIGHT + 8, middle + 4, f"up to {lane.peak} at once", "small quiet")
        return
    yield panel.lane_name(lane.actor, middle)
    for each in words[lane.actor]:
        yield text(each.left, middle + 4, each.text, "small strong" if each.is_end else "small")


def _skyline(fold: FoldedLanes, axis: TimeAxis, middle: float) -> Iterator[str]:
    if fold.peak:
        yield path(_profile(fold, axis, middle + FOLD / 2 - 4), "fold", closed=True)


def _name(fold: FoldedLanes) -> str:
    noun = "item" if fold.of_handler is not None else _NOUNS.get(fold.kind, fold.kind)
    return f"{fold.count} {'more ' * fold.others_shown}{noun}{'s' * (fold.count > 1)}"


def _profile(fold: FoldedLanes, axis: TimeAxis, base: float) -> list[tuple[float, float]]:
    """How many were busy, as a skyline: in each pixel the most."""
    unit = (FOLD - 8) / fold.peak
    most: dict[int, int] = {}
    for (from_us, count), (to_us, _) in pairwise(fold.busy):
        for pixel in range(int(axis.x(from_us)), int(axis.x(to_us)) + 1):
            most[pixel] = max(most.get(pixel, 0), count)
    points: list[tuple[float, float]] = []
    height = 0
    for pixel in range(min(most), max(most) + 2):
        if most.get(pixel, 0) != height:
            points.append((pixel, base - height * unit))
            height = most.get(pixel, 0)
            points.append((pixel, base - height * unit))
    return points
