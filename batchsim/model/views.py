"""Views: what people want to know of a state that stands in no cell, such as "items without a run"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class View(NamedTuple):
    """A value that is read off the world in each state; whoever shows states shows it beside the cells."""

    name: str
    """A few words: `items without a run`."""
    value: Callable[[Any], Any]
    """What it is in a world, which it leaves as it is: a number, a text, a list, or a mapping of these."""
