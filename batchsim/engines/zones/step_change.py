"""What a step changes apart from time: the global state, and which operations stay pending, or are issued."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from batchsim.engines.exhaustive.task import Join
from batchsim.engines.injected_delays import DelaysSoFar
from batchsim.engines.values import ABSENT
from batchsim.engines.zones.slots import START, InstantKind, Slot
from batchsim.engines.zones.state_class import Firing, GlobalState, Guide, StateClass
from batchsim.model.operation import Operation

NOBODY = -1


class StepChange(NamedTuple):
    """What a step changes."""

    row: GlobalState
    at: Slot
    """The instant of the step."""
    column: int
    """Of its actor; `NOBODY`: it is the beginning."""
    operation: Operation[Any] | None
    answer: Any
    names: dict[Slot, Slot]
    """What the instants that were to come are now."""
    kept: dict[int, int]
    """By position before it, the one after it of each operation of the actor that stays pending."""
    issued: list[int]
    """The positions of the operations that the actor issues."""
    begun: list[int]
    """The columns of those who begin."""
    join: Join | None
    lane: int
    """The number of the coroutine among those side by side."""
    published: str | None
    """The cell that what the coroutine returned is put into."""
    delays_so_far: DelaysSoFar
    """What was slow before; in a landing, after it."""


def beginning(guide: Guide) -> StepChange:
    """Phase 1 is done."""
    row = tuple(guide.layout.initial_row())
    begun = [column for column in range(guide.layout.actors_count) if guide.has_begun(row, column)]
    return StepChange(row, START, NOBODY, None, None, {}, {}, [], begun, None, 0, None, DelaysSoFar())


def change_of(guide: Guide, state_class: StateClass, firing: Firing) -> StepChange:
    """What a step changes in a state class."""
    kind, move, column = firing.kind, firing.move, firing.column
    row = list(state_class.row)
    for place, value in zip(kind.columns, move.cells, strict=True):
        row[place] = value
    row[column] = move.local
    _check_gates(guide, state_class.row, row, firing)
    turn, after = guide.turn(kind, move), tuple(row)
    names = {
        slot: _name_after(guide, slot, place, firing, turn.kept, turn.join)
        for place, slot in enumerate(state_class.slots)
    }
    return StepChange(
        row=after,
        at=names[firing.at],
        column=column,
        operation=kind.operation,
        answer=move.answer,
        names=names,
        begun=[
            other
            for other in guide.begun_by(kind)
            if other != column and not guide.has_begun(state_class.row, other) and guide.has_begun(after, other)
        ],
        delays_so_far=state_class.delays_so_far,
        kept=turn.kept,
        issued=turn.issued,
        join=turn.join,
        lane=turn.lane,
        published=turn.published,
    )


def _check_gates(guide: Guide, before: GlobalState, after: Sequence[int], firing: Firing) -> None:
    """Raises `BadInputError` where a cell is gone before those who begin with it took a step."""
    for gate, roles in guide.layout.gated.items():
        if before[gate] != ABSENT and after[gate] == ABSENT:
            for role in roles:
                if 0 in after[role.columns.start : role.columns.stop]:
                    raise guide.layout.gone(gate, role, firing.kind.operation, firing.kind.role.name)


def _name_after(
    guide: Guide, slot: Slot, place: int, firing: Firing, kept: dict[int, int], join: Join | None
) -> Slot:
    past = Slot(InstantKind.PAST, place)
    if slot == firing.at:
        return past
    if slot.kind is InstantKind.TIMER:
        started = firing.kind.operation.timer_after(firing.move.answer)
        keys = (firing.move.timer, *(() if started is None else (each.key for each in started.each())))
        is_past = slot in firing.after or slot in [guide.timer(key) for key in keys if key is not None]
        return past if is_past else slot
    if slot.place != firing.column or slot.kind in (InstantKind.URGENT, InstantKind.MARK):
        return slot
    if slot.kind is InstantKind.END:
        return slot if join in (None, Join.EARLY) else past
    return slot._replace(number=kept[slot.number]) if slot.number in kept else past
