"""Programs that are read: what a coroutine does is learned once."""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from batchsim.batch.consumer import consume
from batchsim.batch.operations import CreateRun, GetMeta, Record, Seal, TakeMessage
from batchsim.batch.policies import POLICIES
from batchsim.batch.setting import Deliveries, Item, Setting
from batchsim.batch.stores import Claim, Message
from batchsim.engines.timed import Simulation
from batchsim.engines.timed.scripts import Notes, Script
from batchsim.model.operation import ForEach, Program, ProtocolError, StoreFailure, for_each
from batchsim.scenario import load_scenario


async def count_refusals(note: Callable[[int], None]) -> int:
    refused = 0
    while not await Seal():
        refused += 1
        note(refused)
    return refused


class Counted:
    """A program, and how often it was begun."""

    def __init__(self, program: Callable[[], Program[Any]]) -> None:
        self._program = program
        self.begun = 0

    def __call__(self) -> Program[Any]:
        self.begun += 1
        return self._program()


def end_of(program: Program[Any], *answers: Any) -> Any:
    """What a program returns that is answered so."""
    for answer in (None, *answers[:-1]):
        assert program.send(answer) == Seal()
    with pytest.raises(StopIteration) as end:
        program.send(answers[-1])
    return end.value.value


def test_a_way_that_was_gone_before_is_read_and_a_new_one_is_asked_for() -> None:
    notes: Notes = []
    program = Counted(partial(count_refusals, notes.append))
    script = Script(program, notes)
    for refusals, begun in ((2, 1), (2, 1), (1, 2), (3, 3), (3, 3), (0, 4)):
        del notes[:]
        assert end_of(script.begin(), *[False] * refusals, True) == refusals
        assert notes == [1, 2, 3][:refusals]
        assert program.begun == begun


def test_readers_of_one_script_do_not_disturb_each_other() -> None:
    notes: Notes = []
    script = Script(partial(count_refusals, notes.append), notes)
    first, second = script.begin(), script.begin()
    for program in (first, second):
        program.send(None)
    for program in (first, second, first, second, first):
        program.send(False)
    for program, refusals in ((second, 2), (first, 3)):
        with pytest.raises(StopIteration) as end:
            program.send(True)
        assert end.value.value == refusals
    assert notes == [1, 1, 2, 2, 3]


def test_what_a_consumer_did_before_makes_no_difference_to_it() -> None:
    """Whatever messages it took: what it does with another one is known from whoever took that one."""
    setting = Setting((Item(),) * 3)
    program = Counted(partial(consume, setting, POLICIES["pr3766"], Deliveries()))
    script = Script(program, [])
    for items, begun in (((0, 1, 2), 1), ((2, 0, 1, 1, 0), 1)):
        consumer = script.begin()
        assert consumer.send(None) == TakeMessage()
        for item in items:
            answers = (Message(item), 3, 1, 1)
            awaited = (
                GetMeta(item, Claim(item, 1)),
                CreateRun(item, final=False, delivery=1),
                Record(item, success=True, delivery=1),
                TakeMessage(),
            )
            assert tuple(map(consumer.send, answers)) == awaited
        assert program.begun == begun


async def kind_of_answer() -> str:
    return type(await Seal()).__name__


def test_answers_that_python_calls_equal_lead_to_different_places() -> None:
    script = Script(kind_of_answer, [])
    assert [end_of(script.begin(), answer) for answer in (True, 1, True, 1)] == ["bool", "int"] * 2


class OtherError(ProtocolError):
    """Not the one that is caught."""


async def fail_as_told() -> None:
    raise StoreFailure if await Seal() else OtherError


async def wait_for_both() -> str:
    try:
        await for_each(2, 2, lambda number: fail_as_told())
    except StoreFailure:
        return "caught"
    return "done"


def test_what_is_raised_is_raised_again_each_time() -> None:
    script = Script(wait_for_both, [])
    for _ in range(3):
        for succeeds, error, kind in ((True, StoreFailure, StopIteration), (False, OtherError, OtherError)):
            whole = script.begin()
            awaited = whole.send(None)
            assert isinstance(awaited, ForEach)
            side = awaited.body(1)
            assert side.send(None) == Seal()
            with pytest.raises(error) as failure:
                side.send(succeeds)
            with pytest.raises(kind):
                whole.throw(failure.value)
        whole = script.begin()
        whole.send(None)
        with pytest.raises(StopIteration) as end:
            whole.send((None, None))
        assert end.value.value == "done"


def test_nothing_of_a_run_is_left_to_the_garbage_collector() -> None:
    """Collecting it would take a tenth of the time of a sweep."""
    simulation = Simulation(load_scenario("scenarios/concurrent-ingest.yaml"), POLICIES["pr4397"])
    simulation.run(1)

    def left() -> int:
        gc.collect()
        gc.disable()
        try:
            simulation.run(1)
            return gc.collect()
        finally:
            gc.enable()

    # Threads of others, such as those of a cluster, may leave something meanwhile, but not each time.
    assert any(left() == 0 for _ in range(9))
