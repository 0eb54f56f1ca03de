"""What a step changed: held against what the cells held before and after it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from batchsim.batch.actors import world_after_phase_1
from batchsim.batch.policy import Policy
from batchsim.batch.stores import STREAMED
from batchsim.batch.world import World
from batchsim.engines.timed import simulate
from batchsim.model.cells import Cells, Key, freeze
from batchsim.model.changes import RecordedCells, changes_in
from batchsim.model.faults import Fault
from batchsim.model.run import Step
from batchsim.scenario import Scenario, with_faults
from tests.strategies import policies, scenarios, timed_faults
from tests.trying import examples

KEYS: dict[Key, Callable[[], Any]] = {"set": set, "dict": dict, "list": list, "queue": deque}
SMALL = st.integers(0, 3)


def frozen(cells: Cells) -> dict[Key, Any]:
    return {key: freeze(value) for key, value in cells.items()}


CALLS: dict[Key, tuple[Callable[[Any, int], object], ...]] = {
    "set": (
        lambda value, member: value.add(member),
        lambda value, member: value.discard(member),
        lambda value, member: value.update((member, 0)),
        lambda value, member: value.__ior__({member}),
    ),
    "dict": (
        lambda value, member: value.__setitem__(member, member),
        lambda value, member: value.pop(member, None),
        lambda value, member: value.update({member: 0}),
    ),
    "list": (
        lambda value, element: value.append(element),
        lambda value, element: value.__setitem__(slice(0, 1), [element]),
        lambda value, element: value.remove(element) if element in value else None,
    ),
    "queue": (
        lambda value, element: value.append(element),
        lambda value, element: value.remove(element) if element in value else None,
        lambda value, element: value.appendleft(element),
        lambda value, element: value.rotate(element),
    ),
}
"""Ways to change a collection in place; some do not, for some values."""


@st.composite
def actions(draw: st.DrawFn) -> tuple[Callable[[RecordedCells], object], Key | None]:
    """Something to do with some cells, and the key that it writes whatever it holds, if it does."""
    key, member = draw(st.sampled_from(list(KEYS))), draw(SMALL)
    match draw(st.sampled_from(["modify", "modify", "modify", "delete", "write", "read"])):
        case "modify":
            call = draw(st.sampled_from(CALLS[key]))
            return lambda cells: call(cells.modify(key, KEYS[key]), member), None
        case "delete":
            return lambda cells: cells.delete(key), None
        case "write":
            return lambda cells: cells.write("value", member), "value"
        case _:
            return lambda cells: (cells.read(key), cells.read("value")), None


@given(st.lists(st.lists(actions(), max_size=3), max_size=12))
def test_notes_say_what_was_written(
    steps: list[list[tuple[Callable[[RecordedCells], object], Key | None]]],
) -> None:
    """They are read when all is over: what was there is still known then."""
    cells = RecordedCells({"set": {1, 2}, "value": 3})
    expected, noted = [], []
    for step in steps:
        before = frozen(cells)
        for act, _ in step:
            act(cells)
        after = frozen(cells)
        written = {key for _, key in step if key is not None}
        written |= {key for key in {*before, *after} if before.get(key) != after.get(key)}
        expected.append({key: (before.get(key), after.get(key)) for key in written})
        noted.append(cells.take_notes())
    said = [{each.key: each for each in changes_in(notes)} for notes in noted]
    assert [{key: (each.before, each.after) for key, each in changed.items()} for changed in said] == expected
    for changed in said:
        for each in changed.values():
            assert each.creates == (each.before is None)
            assert each.deletes == (each.after is None)


@settings(max_examples=examples(30, searched=60))
@given(scenarios(), policies(), st.lists(timed_faults(), max_size=2))
def test_a_step_carries_what_it_changed(scenario: Scenario, policy: Policy, faults: list[Fault]) -> None:
    scenario = with_faults(scenario, faults)
    held = frozen(world_after_phase_1(scenario.setting, policy, Cells()).cells)
    seen: list[tuple[Step, dict[Key, Any], dict[Key, Any]]] = []

    def observe(world: World, step: Step, _: object) -> None:
        nonlocal held
        before, held = held, frozen(world.cells)
        seen.append((step, before, held))

    trace = simulate(scenario, policy, observer=observe)
    assert trace == simulate(scenario, policy)
    for step, before, after in seen:
        changed = {each.key: (each.before, each.after) for each in step.changes}
        differ = {key for key in {*before, *after} if before.get(key) != after.get(key)}
        # What a handler or the SDK returns is there when it has ended, which is no step.
        answers = {key for key in {*differ, *changed} if key.startswith(("http:answer:", STREAMED))}
        assert {key for key, (old, new) in changed.items() if old != new} - answers == differ - answers
        assert all(new == after.get(key) for key, (_, new) in changed.items())
        assert all(old == before.get(key) for key, (old, _) in changed.items() if key not in answers)
