"""The walks of a page as JSON: a row for each step, with what changes by it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from batchsim.analysis.walking import Moment, Walk
from batchsim.model.cells import Key
from batchsim.model.operation import BlockingOperation
from batchsim.model.run import Step
from batchsim.model.system import Actor
from batchsim.report.page.tables import Tables
from batchsim.visible import visible

STEPS_MAX = 1200
"""Of one walk. With more its beginning, its end, and what is around its decisive steps is kept."""
AROUND = 60
"""So many steps on each side of a decisive one."""

COLUMNS = (
    "number",
    "actor",
    "operation",
    "answer",
    "way",
    "at_us",
    "begun_us",
    "answered_us",
    "is_wait",
    "after",
    "woken_by",
    "cells",
    "places",
    "views",
    "left_out",
)
"""What a row holds, in order. Texts, values and places stand in the tables of the page, under these numbers.

`number`: of the step, from 1. `way`: how it turned out, where the answer does not say so. `begun_us`: when it was
issued, or what it waited for began; null: no bar is to be drawn. `after`: the step whose answer let it be issued;
`woken_by`: the step whose effect it waited for. `cells`, `places`, `views`: pairs of a cell, an actor or a view
with what it is now. `left_out`: of a row that stands for several steps, how many; the last of them is `number`.
"""


class Cells:
    """The cells of all walks of a page, by number."""

    def __init__(self) -> None:
        self._numbers: dict[Key, int] = {}
        self._groups: dict[Key, str] = {}
        self._stores: dict[str, set[str]] = {}
        """By the first part of names of cells: the stores whose operations touch them."""

    def number_of(self, key: Key) -> int:
        """The number of a cell."""
        return self._numbers.setdefault(key, len(self._numbers))

    def note_use(self, key: Key, operation: str) -> None:
        """An operation of that name touches a cell."""
        store = operation.partition(".")[0] if "." in operation else ""
        self._groups.setdefault(key, store)
        self._stores.setdefault(_prefix(key), set()).add(store)

    def document(self, listed: Sequence[Key]) -> list[dict[str, Any]]:
        """Each with the store that it belongs to: that of who touches it, if it is one."""
        order = {key: place for place, key in enumerate(listed)}
        found = []
        for key in self._numbers:
            prefix = _prefix(key)
            users = self._stores.get(prefix, set())
            # What several stores touch belongs to none of them, and is told under its own name.
            store = self._groups[key] if len(users) == 1 and key in self._groups else prefix
            found.append(
                {"cell": visible(key), "store": visible(store or prefix), "order": order.get(key, len(order))}
            )
        return found


def _prefix(key: Key) -> str:
    return str(key).partition(":")[0]


def walk_document(
    walk: Walk, tables: Tables, cells: Cells, actors: Mapping[str, Actor], decisive: Collection[int]
) -> dict[str, Any]:
    """A walk; `actors`: those of the system, by name. `decisive`: the numbers of such steps, from 0."""
    lanes = _lanes(walk)
    rows = list(_rows(walk, tables, cells, actors, _kept(len(walk.moments), decisive)))
    return {
        "actors": [tables.text(name) for name in sorted(lanes, key=_natural)],
        "begin": {
            "cells": _pairs(tables, cells, walk.cells),
            "places": [[tables.text(name), tables.places(each)] for name, each in walk.places.items()],
            "views": _views(tables, walk.views),
        },
        "steps": rows,
        "steps_total": len(walk.moments),
        "decisive": sorted(number + 1 for number in decisive),
    }


def _lanes(walk: Walk) -> list[str]:
    """Who is told of: everybody at the beginning, and each lane that takes a step."""
    acting = [moment.step.actor for moment in walk.moments]
    names = {each.partition(".")[0] for each in acting}
    return list(dict.fromkeys([*acting, *(name for name in walk.places if name not in names)]))


def _natural(name: str) -> tuple[tuple[int, int, str], ...]:
    return tuple(
        (1, int(part), "") if part.isdigit() else (0, 0, part) for part in re.split(r"(\d+)", name) if part
    )


def _kept(total: int, decisive: Collection[int]) -> Collection[int]:
    if total <= STEPS_MAX:
        return range(total)
    kept: set[int] = set()
    for number in sorted(decisive)[: STEPS_MAX // (6 * AROUND)]:
        kept.update(range(max(number - AROUND, 0), min(number + AROUND, total)))
    half = (STEPS_MAX - len(kept)) // 2
    return kept | set(range(half)) | set(range(total - half, total))


def _rows(
    walk: Walk, tables: Tables, cells: Cells, actors: Mapping[str, Actor], kept: Collection[int]
) -> Iterator[list[Any]]:
    left: list[Moment] = []
    for place, moment in enumerate(walk.moments):
        for key in (*moment.step.operation.footprint().reads, *moment.step.operation.footprint().writes):
            cells.note_use(key, moment.step.operation.name)
        if place not in kept:
            left.append(moment)
            continue
        if left:
            yield _row_of_many(left, place, tables, cells)
            left = []
        yield _row(moment, place + 1, tables, cells, actors)


def _row_of_many(left: Sequence[Moment], last: int, tables: Tables, cells: Cells) -> list[Any]:
    changes, places, views = dict[Key, Any](), dict[str, Any](), dict[str, Any]()
    for moment in left:
        changes.update(moment.changes)
        places.update(moment.places)
        views.update(moment.views)
    at_us = getattr(left[-1].step, "at_us", None)
    nothing = [None] * 4
    return [
        last,
        *nothing,
        at_us,
        *nothing,
        None,
        *_after(changes, places, views, tables, cells),
        len(left),
    ]


def _row(moment: Moment, number: int, tables: Tables, cells: Cells, actors: Mapping[str, Actor]) -> list[Any]:
    step = moment.step
    way = getattr(step, "way", step.alternative)
    return [
        number,
        tables.text(step.actor),
        tables.text(step.operation.name),
        tables.text(step.operation.tell(step.answer)),
        None if way is None else tables.text(way),
        *_times(step, actors),
        *_after(moment.changes, moment.places, moment.views, tables, cells),
        0,
    ]


def _times(step: Any, actors: Mapping[str, Actor]) -> list[Any]:
    if not isinstance(step, Step):
        return [None] * 6
    is_wait = isinstance(step.operation, BlockingOperation)
    begun_us: int | None = step.issued_us
    if is_wait and not actors[step.actor.partition(".")[0]].is_to_end:
        begun_us = None  # who serves is idle until there is something to do
    causes = [None if cause is None else cause + 1 for cause in (step.after, step.woken_by)]
    return [step.at_us, begun_us, step.answered_us, int(is_wait), *causes]


def _after(changes: Mapping[Key, Any], places: Any, views: Any, tables: Tables, cells: Cells) -> list[Any]:
    return [
        _pairs(tables, cells, changes),
        [[tables.text(name), tables.places(each)] for name, each in places.items()],
        _views(tables, views),
    ]


def _pairs(tables: Tables, cells: Cells, contents: Mapping[Key, Any]) -> list[list[int | None]]:
    return [[cells.number_of(key), tables.value(key, value)] for key, value in contents.items()]


def _views(tables: Tables, views: Mapping[str, Any]) -> list[list[int | None]]:
    return [[tables.text(name), tables.value(f"view of {name}", value)] for name, value in views.items()]
