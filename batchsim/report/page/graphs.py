"""The graph of an exploration as JSON, for a page on which one walks it.

A state is a row of small numbers: of each actor its local state, and of each cell its value. A step changes few
of them, so a state is given by what it differs in from one that leads to it, and the same difference is written
once. What can still come of a state (how many schedules to which verdicts, and which share) is the same for many.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from batchsim.analysis.walking import Walkable
from batchsim.analysis.walking.walk import is_told
from batchsim.engines.values import ABSENT
from batchsim.model.cells import freeze
from batchsim.report.outcomes import columns_of, document_of, row_of
from batchsim.report.page.tables import Tables
from batchsim.report.page.walks import Cells
from batchsim.visible import visible

STATES_MAX = 15_000
"""A larger graph is not handed out whole. With 12,162 states and 42,374 edges one takes 0.6 MB."""
DIGITS = 3
"""Of shares, and of numbers of schedules that are long."""


def graph_document(walkable: Walkable, tables: Tables, cells: Cells) -> dict[str, Any]:
    """A graph, or the part of it around the witnesses."""
    graph = walkable.graph
    states = walkable.states.tolist()
    place_of = {state: place for place, state in enumerate(states)}
    rows = graph.rows(walkable.states).tolist()
    # The row of a state is that of the first state that leads to it, with a difference.
    leads: list[int] = [-1] * len(states)
    for place, state in enumerate(states):
        for edge in walkable.edges_of(state):
            target = place_of.get(int(graph.targets[edge]))
            if target is not None and leads[target] < 0 and target > place:
                leads[target] = place
    differences: dict[tuple[tuple[int, int], ...], int] = {}
    fates: dict[tuple[Any, ...], int] = {}
    seen: dict[tuple[tuple[int, int | None], ...], int] = {}
    verdicts = list(dict.fromkeys(each.verdicts for each in walkable.exploration.outcomes))
    written: list[list[int]] = []
    for place, state in enumerate(states):
        row = rows[place]
        before = rows[leads[place]] if place else [0] * len(row)
        difference = tuple(
            (column, value) for column, (value, was) in enumerate(zip(row, before, strict=True)) if value != was
        )
        fate = _fate(walkable, state, verdicts)
        following = int(walkable.next_to_failure[state])
        known = [edge for edge in walkable.edges_of(state) if int(graph.targets[edge]) in place_of]
        written.append(
            [
                leads[place],
                differences.setdefault(difference, len(differences)),
                fates.setdefault(fate, len(fates)),
                known.index(following) if following in known else -1,
                len(walkable.edges_of(state)) - len(known),
                seen.setdefault(_views(walkable, state, tables), len(seen)),
                *(
                    number
                    for edge in known
                    for number in (int(graph.edge_labels[edge]), place_of[int(graph.targets[edge])] - place)
                ),
            ]
        )
    return {
        "is_whole": walkable.is_whole,
        "states_total": graph.states,
        "columns": list(_columns(walkable, tables, cells)),
        "labels": [
            [
                tables.text(f"{label.kind.role.name}{label.kind.lane}"),
                tables.text(label.kind.operation.bare.name),
                None if label.alternative is None else tables.text(label.alternative),
                None if label.kind.operation.item is None else label.kind.operation.item,
            ]
            for label in graph.labels
        ],
        "differences": [[number for pair in each for number in pair] for each in differences],
        "views": [[list(pair) for pair in each] for each in seen],
        "verdicts": [list(each) for each in verdicts],
        "fates": [list(each) for each in fates],
        "states": written,
        "ends": {str(place_of[state]): number for state, number in walkable.class_of.items() if state in place_of},
    }


def _views(walkable: Walkable, state: int, tables: Tables) -> tuple[tuple[int, int | None], ...]:
    """What the system says of a state, by the number of each view."""
    views = walkable.graph.layout.system.views
    if not views:
        return ()
    world = walkable.graph.world(state)
    return tuple(
        (tables.text(view.name), tables.value(f"view of {view.name}", freeze(view.value(world)))) for view in views
    )


def _fate(walkable: Walkable, state: int, verdicts: Sequence[tuple[str, ...]]) -> tuple[Any, ...]:
    """Which outcomes can still come of a state, a bit for each; of all with the same verdicts the share.

    Before the share how many schedules lead to them.
    """
    counts, shares = walkable.counts[state], walkable.shares[state].tolist()
    mask = sum(1 << number for number, count in enumerate(counts) if count)
    fate: list[Any] = [mask]
    for each in verdicts:
        places = [n for n, outcome in enumerate(walkable.exploration.outcomes) if outcome.verdicts == each]
        fate.append(_count(sum(counts[place] for place in places)))
        fate.append(_rounded(sum(shares[place] for place in places)))
    return tuple(fate)


def _rounded(share: float) -> float:
    """A share in few digits; in more where it would be one otherwise, as something else can still come."""
    rounded = (float(f"{share:.{digits}g}") for digits in range(DIGITS, 16))
    return next((each for each in rounded if share >= 1 or each < 1), 1.0)


def _count(count: int) -> int | str:
    """A number of schedules; of many the first digits, as text: `1.445e+30`."""
    return count if count < 10**6 else f"{Decimal(count):.{DIGITS - 1}e}"


def _columns(walkable: Walkable, tables: Tables, cells: Cells) -> Iterator[dict[str, Any]]:
    layout = walkable.graph.layout
    used = walkable.graph.rows(walkable.states)
    for role in layout.roles:
        for number, column in enumerate(role.columns):
            # No numbers: those are of actors, and which of them is at which column is not known.
            name = role.name if len(role.columns) == 1 else f"{role.name} {_letters(number)}"
            numbers = sorted(set(used[:, column].tolist()))
            yield {
                "actor": tables.text(name),
                "alike": len(role.columns) > 1 or role.is_exchanged,
                "begins_with": None if role.begins_with is None else layout.column_of.get(role.begins_with),
                "places": {str(each): tables.places(walkable.places_of(role, each)) for each in numbers},
            }
    for place, cell in enumerate(layout.cells):
        column = layout.actors_count + place
        numbers = sorted(set(used[:, column].tolist()) - {ABSENT})
        values = layout.values_of_column(column)
        yield {
            "cell": cells.number_of(cell) if is_told(cell) else None,
            "values": {str(each): tables.value(cell, values.frozen(each)) for each in numbers},
        }


def _letters(number: int) -> str:
    """`a`, `b` and so on; after `z` comes `aa`."""
    more, last = divmod(number, 26)
    return (_letters(more - 1) if more else "") + chr(ord("a") + last)


def outcomes_document(walkable_outcomes: Any) -> list[dict[str, Any]]:
    """The outcomes of an exploration: as in the contract of `explore`, and in words."""
    headings = columns_of([each.outcome for each in walkable_outcomes]).headings
    return [
        {
            **document_of(each.outcome, each.verdicts),
            "in_words": [
                [heading, visible(cell)] for heading, cell in zip(headings, row_of(each.outcome), strict=True)
            ],
            "schedules": None if each.schedules is None else str(each.schedules),
            "share": each.share,
            "steps": len(each.witness),
        }
        for each in walkable_outcomes
    ]
