"""Where the captions of a lane go: inside a bar or beside it, never over one another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from batchsim.report.timeline.axis import TimeAxis
from batchsim.report.timeline.captions import TURN, Caption
from batchsim.report.timeline.labels import text_width
from batchsim.report.timeline.style import BOLD, EDGE, LEFT, SMALL

_BESIDE_PX = 8.0
_INSIDE_PX = 5.0
_GAP_PX = 3.0
_FOLLOW_PX = 40.0
"""So far from its stretch a caption may be, if only bars of the same lane are between."""

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Words:
    """A caption that found its place."""

    text: str
    left: float
    right: float
    is_end: bool


def placed(captions: Iterable[Caption], bars: Iterable[tuple[int, int]], axis: TimeAxis) -> Iterator[Words]:
    """The captions for which there is room; the first come first. `bars`: from when to when (us)."""
    drawn = [(axis.x(from_us), axis.x(to_us)) for from_us, to_us in bars]
    torn = [(brk.left, brk.right) for brk in axis.breaks]
    taken: list[Interval] = []
    for caption in captions:
        words = _inside(caption, axis, [*taken, *torn])
        if words is None:
            words = _beside_all(caption, _edges(caption, drawn, axis), [*taken, *drawn], torn)
        if words is not None:
            taken.append((words.left, words.right))
            yield words


def _edges(caption: Caption, drawn: Iterable[Interval], axis: TimeAxis) -> Interval:
    """The ends of a caption's own stretch, together with the bars that follow it closely."""
    left, right = axis.x(caption.from_us), axis.x(caption.to_us)
    furthest = right + _FOLLOW_PX
    for begin, end in sorted(drawn):
        if begin <= right + _BESIDE_PX and right < end <= furthest:
            right = end
    return left, right


def _inside(caption: Caption, axis: TimeAxis, obstacles: Iterable[Interval]) -> Words | None:
    left, right = axis.x(caption.from_us) + _INSIDE_PX, axis.x(caption.to_us) - _BESIDE_PX
    for text in caption.texts:
        width = _width(text, caption)
        if left + width <= right and _is_free(left, width, obstacles):
            return Words(text, left, left + width, caption.is_end)
    return None


def _beside_all(
    caption: Caption, edges: Interval, obstacles: Iterable[Interval], torn: Iterable[Interval]
) -> Words | None:
    """Clear of torn strips; what matters most may take the place of one, rather than lose words."""
    if caption.weight < TURN:
        return _beside(caption, edges, [*obstacles, *torn])
    whole = _beside(replace(caption, texts=caption.texts[:1]), edges, [*obstacles, *torn])
    return whole or _beside(caption, edges, obstacles)


def _beside(caption: Caption, edges: Interval, obstacles: Iterable[Interval]) -> Words | None:
    for text in caption.texts:
        width = _width(text, caption)
        for left in (edges[1] + _BESIDE_PX, edges[0] - _BESIDE_PX - width):
            if left >= LEFT and left + width <= EDGE and _is_free(left, width, obstacles):
                return Words(text, left, left + width, caption.is_end)
    return None


def _width(text: str, caption: Caption) -> float:
    return text_width(text, SMALL) * (BOLD if caption.is_end else 1)


def _is_free(left: float, width: float, obstacles: Iterable[Interval]) -> bool:
    return all(left + width + _GAP_PX < begin or end + _GAP_PX < left for begin, end in obstacles)
