"""Where labels go, so that none covers another.

Fonts differ from machine to machine, so widths are those of DejaVu Sans, the widest of the usual ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_WIDTHS = {
    **dict.fromkeys("ijl|'.,:;!I ", 0.36),
    **dict.fromkeys("frt()[]-/", 0.42),
    **dict.fromkeys("mwMW@%—…→", 1.0),
    **dict.fromkeys("ABCDEFGHJKLNOPQRSTUVXYZ+=<>~", 0.78),
}
_ELSE = 0.64
_WIDE_FROM = "\u1100"
_GAP_PX = 6.0
LEADER_INSET_PX = 3.0


def text_width(text: str, size_px: float) -> float:
    """An upper estimate of the width of a text, in pixels."""
    return size_px * sum(_WIDTHS.get(character, _ELSE if character < _WIDE_FROM else 1.05) for character in text)


def shortened(text: str, width_px: float, size_px: float) -> str:
    """The text, or as much of its beginning as fits, with an ellipsis."""
    if text_width(text, size_px) <= width_px:
        return text
    while text and text_width(text + "…", size_px) > width_px:
        text = text[:-1]
    return text.rstrip() + "…"


@dataclass(frozen=True, slots=True)
class Flag:
    """A label that hangs on a leader line, in one of the rows beside a lane."""

    x: float
    """Where the leader is."""
    width: float
    row: int
    """0 is next to the lane."""
    goes_left: bool

    @property
    def left(self) -> float:
        """Where the text begins."""
        return self.x - LEADER_INSET_PX - self.width if self.goes_left else self.x + LEADER_INSET_PX

    @property
    def right(self) -> float:
        """Where the text ends."""
        return self.left + self.width

    def is_clear_of(self, other: Flag) -> bool:
        """Whether neither text covers the other, nor the other's leader."""
        if self.row == other.row:
            return not _overlap(self, other)
        low, high = (self, other) if self.row < other.row else (other, self)
        # The leader of the higher row passes the lower one; beside that one's own leader it may be close.
        left_gap, right_gap = (_GAP_PX, 1.0) if low.goes_left else (1.0, _GAP_PX)
        return not low.left - left_gap < high.x < low.right + right_gap


def _overlap(one: Flag, other: Flag) -> bool:
    return one.left < other.right + _GAP_PX and other.left < one.right + _GAP_PX


@dataclass(frozen=True, slots=True)
class Room:
    """Where flags may be."""

    left: float
    right: float
    rows: int

    def has(self, flag: Flag) -> bool:
        """Whether a flag is inside."""
        return self.left <= flag.left and flag.right <= self.right


def flags(marks: Sequence[tuple[float, float]], room: Room) -> list[Flag | None]:
    """A flag for each mark (its x and the width of its text); `None` where there is no room for it.

    The marks are in order of x. Texts go to the right, or to the left, of their leaders like the
    branches of a fir, so that in a crowd each has a row of its own and no leader crosses a text.
    """
    layouts = [
        _layout(marks, [goes_left is (place < turn) for place in range(len(marks))], room)
        for turn in range(len(marks) + 1)
        for goes_left in (True, False)
    ]
    return min(layouts, key=_cost, default=[])


def _cost(layout: Sequence[Flag | None]) -> tuple[int, int]:
    return layout.count(None), max((flag.row for flag in layout if flag is not None), default=0)


def _layout(marks: Sequence[tuple[float, float]], goes_left: Sequence[bool], room: Room) -> list[Flag | None]:
    layout: list[Flag | None] = [None] * len(marks)
    places = range(len(marks))
    lefts = [place for place in places if goes_left[place]]
    rights = [place for place in reversed(places) if not goes_left[place]]
    for place in (*lefts, *rights):
        x, width = marks[place]
        candidates = (Flag(x, width, row, goes_left[place]) for row in range(room.rows))
        placed = [flag for flag in layout if flag is not None]
        layout[place] = next((flag for flag in candidates if _fits(flag, placed, room)), None)
    return layout


def _fits(flag: Flag, placed: Sequence[Flag], room: Room) -> bool:
    return room.has(flag) and all(flag.is_clear_of(other) for other in placed)
