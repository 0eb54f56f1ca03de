"""Each store by itself: commands and statements on real servers answer as in the model, and leave the same."""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from batchsim.bad_input import BadInputError
from batchsim.engines.live.cells import Lines
from batchsim.engines.live.codec import pack, text_of, unpack, value_of
from batchsim.engines.live.performing import BLOCKED, LiveSystem
from batchsim.model.cells import Cells, freeze, thaw
from batchsim.model.operation import Operation, Raised, touches
from batchsim.model.system import Actor, System, World
from batchsim.stores import postgres, redis
from tests.stores.test_fakeredis import CALLS, KEYS, OURS
from tests.stores.test_postgres import STATEMENTS
from tests.trying import examples

ROWS = ("postgres:t:a", "postgres:t:b")
DEQUES = ("queue",)


async def _nothing() -> None:
    return None


SYSTEM: System[Any] = System(
    "side_by_side",
    (Actor("nobody", None, _nothing),),
    cells=(*ROWS, *DEQUES),
    parts=(redis.expiring(*KEYS),),
)


class Machine(RuleBasedStateMachine):
    """The model and the servers, given the same operations."""

    lines: Lines
    number = 0

    def __init__(self) -> None:
        super().__init__()
        Machine.number += 1
        self.live = LiveSystem(SYSTEM, self.lines, f"machine{Machine.number}")
        self.live.begin()
        self.model = World(Cells())
        SYSTEM.begin(self.model.cells)

    def _both(self, operation: Operation[Any]) -> None:
        expected = operation.apply(self.model)
        answer = self.live.perform(operation)
        assert answer is not BLOCKED
        if isinstance(expected, Raised):
            assert isinstance(answer, Raised)
            assert answer.error is expected.error
        else:
            assert answer == expected
            assert isinstance(answer, bool) == isinstance(expected, bool)

    @rule(call=CALLS)
    def command(self, call: tuple[str, tuple[Any, ...]]) -> None:
        name, arguments = call
        self._both(OURS[name](*arguments) if name in OURS else getattr(redis, name)(*arguments))

    @rule(statements=STATEMENTS)
    def statement(self, statements: list[tuple[str, str, Any, Any]]) -> None:
        for verb, row, value, rest in statements[:4]:
            match verb:
                case "insert":
                    self._both(postgres.insert("t", row, on_conflict=rest, n=value))
                case "update":
                    self._both(postgres.update("t", row, set={"n": value}, where=rest))
                case "add":
                    self._both(postgres.update("t", row, add={"n": value}, where=rest))
                case "returning":
                    self._both(postgres.update("t", row, add={"n": value}, where=rest, returning=["n"]))
                case "delete":
                    self._both(postgres.delete("t", row, where=rest))
                case "select":
                    self._both(postgres.select("t", row, where=rest))
                case _:
                    self._both(postgres.select_many("t", ["a", "b"], where=rest))

    @rule(left=st.booleans(), new=st.lists(st.integers(0, 3), max_size=2), back=st.booleans())
    def queue_changes(self, left: bool, new: list[int], back: bool) -> None:
        """Messages leave a queue, join it, or come back to its front."""
        before = list(thaw(freeze(self.model.cells.read("queue"))) or ())
        after = before[1:] if left else before
        for each in new:
            after = [each, *after] if back else [*after, each]
        with self.live.cells.unit(touches(writes=DEQUES)) as unit:
            held: deque[int] = unit.modify("queue", deque)
            held.clear()
            held.extend(after)
            assert unit.commit()
        if after:
            self.model.cells["queue"] = deque(after)
        else:
            self.model.cells.delete("queue")

    @invariant()
    def they_hold_the_same(self) -> None:
        model = {
            key: freeze(value)
            for key, value in dict.items(self.model.cells)
            if key in SYSTEM.cells and value is not None and key != "parts"
        }
        held = self.live.contents()
        assert held == model
        assert {key: type(value) for key, value in held.items()} == {k: type(v) for k, v in model.items()}


def test_stores_side_by_side(lines: Lines) -> None:
    Machine.lines = lines
    count = examples(15, searched=200)
    run_state_machine_as_test(
        Machine, settings=settings(max_examples=count, stateful_step_count=25, deadline=None)
    )


# -- values -----------------------------------------------------------------------------------------


class Color(Enum):
    RED = "red"


class Pair(NamedTuple):
    color: Color
    size: int | None
    inner: tuple[int, str] = (1, "x")


scalars = st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    scalars | st.just(Color.RED) | st.builds(Pair, st.just(Color.RED), st.none() | st.integers()),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(st.integers() | st.text(), max_size=3),
    max_leaves=6,
)


@given(VALUES)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    for back in (value_of(text_of(value)), unpack(pack(value))):
        assert back == value
        assert type(back) is type(value)


def test_a_value_that_no_server_can_keep_is_refused() -> None:
    with pytest.raises(BadInputError, match="type object in a cell; allowed"):
        text_of(object())
