"""Mistakes in a user's own actors, operations and faults: a verdict, or one line and exit 2."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from batchsim.cli import main

Ran = Callable[..., tuple[int, str, str]]

HEAD = """\
from dataclasses import dataclass, replace
from typing import ClassVar
from batchsim import POLICIES
from batchsim.model import Actor, Alternative, Exposure, Fault, Operation, System, both, for_each, sleep, touches
from batchsim.stores import redis
"""


@pytest.fixture
def ran(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ran:
    """Run a command in a folder with `own.py`, of a code, and `own.yaml`, about its `SYSTEM`."""
    monkeypatch.chdir(tmp_path)

    def run(code: str, *arguments: str, faults: str = "") -> tuple[int, str, str]:
        Path("own.py").write_text(HEAD + code)
        Path("own.yaml").write_text(f"name: own\nsystem: own.py:SYSTEM\n{faults}")
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        captured = capsys.readouterr()
        return int(str(ended.value.code)), captured.out, captured.err

    return run


def acting(*lines: str) -> str:
    """A system of one actor that does this."""
    body = "".join(f"    {line}\n" for line in lines)
    return f"async def act():\n{body}\nSYSTEM = System('own', (Actor('w', 0, act),), cells=('x', 'y'))\n"


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        ("redis.sadd('x', 'm')", "redis.get('x')", "WRONGTYPE Operation against a key holding the wrong kind"),
        ("redis.set('x', 'abc')", "redis.incr('x')", "value is not an integer or out of range"),
        ("redis.hset('x', 'f', 'abc')", "redis.hincrby('x', 'f')", "hash value is not an integer"),
    ],
)
def test_what_a_store_refuses_and_nobody_catches_is_an_error_of_its_actor(
    first: str, second: str, says: str, ran: Ran
) -> None:
    code = acting(f"await {first}", f"await {second}", "await redis.set('y', 1)")
    for command in (["explore"], ["explore", "--timed"], ["run"]):
        ended, out, _ = ran(code, command[0], "own.yaml", *command[1:], "--json", "-")
        assert ended == 0
        assert '"raises"' in out
        assert '"ok"' not in json.dumps(json.loads(out).get("policies", out))
        assert says in out
        assert "own.py:8" in out


def test_what_a_fault_makes_raise_ends_an_actor_as_a_process_would_end(ran: Ran) -> None:
    faults = "faults: [{store_error: {operation: redis.set, effect: before, at_most: 1}}]\n"
    ended, out, _ = ran(acting("await redis.set('x', 1)"), "explore", "own.yaml", "--json", "-", faults=faults)
    assert ended == 0
    assert '"raises"' not in out


OPERATION = """\
@dataclass(frozen=True)
class Take(Operation[bool]):
    name: ClassVar[str] = "redis.take"
    def footprint(self): return touches(writes=("x",))
    def apply(self, world): return True
"""


@pytest.mark.parametrize(
    ("found", "instead", "why"),
    [
        ('    name: ClassVar[str] = "redis.take"\n', "", "own.py: Take: name: missing"),
        (
            '"redis.take"',
            '"redis.get"',
            "Take: name: found 'redis.get', the name of an operation of batchsim",
        ),
        ('"redis.take"', "7", "own.py: Take: name: found 7; allowed: one line of text"),
        ('"redis.take"', '""', "own.py: Take: name: found ''; allowed: one line of text"),
        ('("x",)', "(7,)", "own.py: Take: footprint returned Footprint("),
        ("    def apply", "    async def apply", "own.py: Take: apply: found async def; allowed: def"),
        ("return True", "raise SystemExit(0)", "own.py:10: raised SystemExit: 0"),
        ("return True", "raise KeyboardInterrupt", "own.py:10: raised KeyboardInterrupt"),
        (
            "    def apply",
            "    is_wait = 'no'\n    def apply",
            "own.py: Take: is_wait: found 'no'; allowed: True, False",
        ),
        (
            "    def apply",
            "    has_alternatives = True\n    def alternatives(self, world): return ()\n    def apply",
            "own.py: Take: alternatives returned (); allowed: at least one, or a class of BlockingOperation",
        ),
        ('touches(writes=("x",))', '("x",)', "own.py: Take: footprint returned ('x',); allowed: touches(reads="),
        ("    def apply(self, world): return True\n", "", "own.py: Take: apply: missing"),
        ("(frozen=True)\nclass", "\nclass", "a dataclass has one with @dataclass(frozen=True)"),
    ],
)
@pytest.mark.parametrize("command", ["explore", "run"])
def test_an_operation_of_ones_own_that_lacks_something(
    command: str, found: str, instead: str, why: str, ran: Ran
) -> None:
    assert found in OPERATION
    code = OPERATION.replace(found, instead) + acting("take = Take()", "await take", "await take")
    if "frozen" in why and command == "run":
        return  # a run compares no variables
    ended, _, err = ran(code, command, "own.yaml")
    assert ended == 2, err
    assert why in err


FAULT = """\
class Forgets(Exposure):
    def concerns(self, operation): return operation.name == "redis.incr"
    def ways(self, world, operation, usual): return (self.way("gone"),) if usual and self.is_left(world) else ()
    def apply(self, world, operation, way):
        self.use_up(world)
        return 1
@dataclass(frozen=True, slots=True, kw_only=True)
class Amnesia(Fault):
    word: ClassVar[str] = "amnesia"
    def exposure(self, number, actor): return Forgets(number, self)
"""


@pytest.mark.parametrize(
    ("found", "instead", "why"),
    [
        ('    word: ClassVar[str] = "amnesia"\n', "", "own.yaml:3:10: faults[0]: found own.py:Amnesia; "),
        ('    word: ClassVar[str] = "amnesia"\n', "", "own.py:Amnesia: word: missing; allowed: its name"),
        ('"amnesia"', '"crash"', "own.py:Amnesia: word: found 'crash', a fault of batchsim; allowed: another"),
        (
            'self.way("gone")',
            'Alternative("gone")',
            "Forgets.ways gave 'gone', a way of no fault",
        ),
        ("        self.use_up(world)\n", "", "own.py:Amnesia: Forgets.apply did not use up one of its times"),
    ],
)
def test_a_fault_of_ones_own_that_lacks_something(found: str, instead: str, why: str, ran: Ran) -> None:
    assert found in FAULT
    faults = "faults: [{own.py:Amnesia: {at_most: 1}}]\n"
    code = FAULT + acting("await redis.incr('x')")
    assert ran(code, "explore", "own.yaml", faults=faults)[0] == 0
    ended, _, err = ran(code.replace(found, instead), "explore", "own.yaml", faults=faults)
    assert ended == 2, err
    assert why in err


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (acting("await sleep('100')"), "own.py:7: sleep: found '100'; allowed: a number with a unit"),
        (acting("await redis.get('x')").replace("('x', 'y')", "()"), "a cell that is listed: none is"),
        (f"MINE = SYS = 1\n{acting('await sleep(1)')}".replace("SYSTEM", "OTHER"), "System it has OTHER\n"),
        ("MINE = POLICIES['pr9999']", "UnknownPolicyError: found 'pr9999'; allowed: pre3427, pr3427"),
        ("SYSTEM = 5", "SYSTEM is of type int; allowed: a Model or a System"),
    ],
)
def test_slips_in_a_file_of_ones_own(code: str, why: str, ran: Ran) -> None:
    ended, _, err = ran(code, "explore", "own.yaml")
    assert ended == 2
    assert why in err


ALONE = """\
async def act():
    await redis.set("x", 1)
"""


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ("begin=(1, 2)", "begin: found (1, 2); allowed: a function of the cells"),
        ("begin=lambda: 1", "begin: found <function <lambda>>; allowed: a function of the cells"),
        ("outcome=lambda world: 1", "allowed: a function of the world and the results"),
        ("world=3", "world: found 3; allowed: a function of the cells"),
        ("trace=3", "trace: found 3; allowed: a function of the run"),
        ("class_of=3", "class_of: found 3; allowed: a function of the outcome and its verdicts"),
        ("timers={'x': 3}", "timers: found {'x': 3}; allowed: a mapping"),
        ("faults=(3,)", "faults: found (3,); allowed: a tuple, of Fault each"),
        ("views=(3,)", "views: found (3,); allowed: a tuple, of View each"),
        ("alarms=(3,)", "alarms: found (3,); allowed: a tuple, of Alarm each"),
        ("built_in=(3,)", "built_in: found 3, of type int; allowed: Property"),
        ("parts=(3,)", "parts: found 3; allowed: what stores bring"),
        ("is_guarded=3", "is_guarded: found 3; allowed: True or False"),
    ],
)
def test_a_field_of_a_system_that_holds_something_else(fields: str, why: str, ran: Ran) -> None:
    code = f"{ALONE}SYSTEM = System('own', (Actor('w', 0, act),), cells=('x',), {fields})\n"
    ended, _, err = ran(code, "run", "own.yaml")
    assert ended == 2, err
    assert why in err


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ("first_cells=3", "w-0: first_cells: found 3; allowed: a tuple of cells with their values"),
        ("first_cells=(('z', 1),)", "w-0: first_cells: found 'z'; allowed: a cell that is listed (x)"),
        ("begins_with='z'", "w-0: begins_with: found 'z'; allowed: a cell that is listed (x)"),
        ("exposures=(1,)", "w-0: exposures: found (1,); allowed: a tuple, of Exposure each"),
        ("begins_after_leg_of=3", "w-0: begins_after_leg_of: found 3; allowed: a LegOf, or None"),
        ("is_twin=1", "w-0: is_twin: found 1; allowed: True or False"),
        ("has_lanes_alike=1", "w-0: has_lanes_alike: found 1; allowed: True or False"),
    ],
)
def test_a_field_of_an_actor_that_holds_something_else(fields: str, why: str, ran: Ran) -> None:
    code = f"{ALONE}SYSTEM = System('own', (Actor('w', 0, act, {fields}),), cells=('x',))\n"
    ended, _, err = ran(code, "run", "own.yaml")
    assert ended == 2, err
    assert why in err


LEAVES = """\
from batchsim.batch import stores
from batchsim.stores import postgres
async def count(setting):
    await {step}
    return 1
MINE = replace(POLICIES["pr3766"], name="mine", count=count)
"""


@pytest.mark.parametrize(
    ("step", "why"),
    [
        ("redis.set(stores.ENQUEUED_ITEMS, 1.5)", "redis.set: left 1.5 in batch:B:enqueued_items; allowed: a set"),
        ("redis.set(stores.PROCESSED, 'x')", "redis.set: left 'x' in batch:B:processed; allowed: a whole number"),
        ("redis.set(stores.BATCH_ROW, 'x')", "redis.set: left 'x' in postgres:batch; allowed: a BatchRow"),
        ("redis.set(stores.run_key(0), 'x')", "redis.set: left 'x' in postgres:run:0; allowed: True or False"),
    ],
)
@pytest.mark.parametrize("command", ["run", "explore"])
def test_a_step_that_leaves_in_a_cell_of_the_batch_what_its_other_steps_cannot_use(
    command: str, step: str, why: str, ran: Ran
) -> None:
    code = LEAVES.format(step=step)
    ended, _, err = ran(code, command, "incident", "--policy", "own.py:MINE", "--set", "batch.items=2")
    assert ended == 2, err
    assert f"own.py:9: {why}" in err


@pytest.mark.parametrize(
    ("awaited", "why"),
    [
        ("both(redis.get('x'), 3)", "both: found 3; allowed: two operations"),
        ("for_each('2', 2, act)", "for_each: count: found '2'; allowed: a whole number from 0"),
        ("for_each(2, 0, act)", "for_each: limit: found 0; allowed: a whole number from 1"),
    ],
)
@pytest.mark.parametrize("command", ["explore", "run"])
def test_what_is_awaited_together_in_a_wrong_way(command: str, awaited: str, why: str, ran: Ran) -> None:
    ended, _, err = ran(acting(f"await {awaited}"), command, "own.yaml")
    assert ended == 2, err
    assert why in err


def test_a_system_in_which_nobody_does_anything_that_works_is_shown(ran: Ran) -> None:
    for command in (["explore"], ["explore", "--timed"], ["run"]):
        ended, out, err = ran(acting("raise ValueError('no')"), command[0], "own.yaml", *command[1:])
        assert ended == 0, err
        assert "raises" in out


NO_COROUTINE = "async def act():\n    await for_each(2, 2, lambda number: 5)\n"
NO_EQUALITY = "class Thing: pass\nasync def act():\n    await redis.set('x', Thing())\n"
NO_OPERATIONS = "async def one(): pass\nasync def act():\n    await both(one(), one())\n"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (NO_COROUTINE, "own.py:8: for_each: body: returned 5; allowed: a coroutine"),
        (NO_EQUALITY, "redis.set: left <batchsim_user_own_"),
        (NO_OPERATIONS, "own.py:9: both: found <coroutine object one>; allowed: two operations"),
    ],
    ids=["no coroutine", "no equality", "no operations"],
)
@pytest.mark.parametrize("command", ["run", "explore", "sweep"])
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
def test_what_no_engine_can_do_is_told_with_its_line(command: str, code: str, why: str, ran: Ran) -> None:
    head = "from batchsim.model import both, for_each\n"
    system = "SYSTEM = System('own', (Actor('w', 0, act),), cells=('x',))\n"
    ended, _, err = ran(f"{head}{code}{system}", command, "own.yaml")
    assert ended == 2, err
    assert why in err
    assert " at 0x" not in err


def test_who_does_something_else_in_the_same_place_is_told_so_on_a_page(ran: Ran) -> None:
    code = (
        "from uuid import uuid4\ndef name(): return str(uuid4())\n"
        "async def act():\n    await redis.set('x', name())\n"
        "SYSTEM = System('own', (Actor('w', 0, act),), cells=('x',))\n"
    )
    ended, _, err = ran(code, "report", "own.yaml", "-o", "pages")
    assert ended == 2, err
    assert "own.py:9: w-0 awaits Command(verb='set'" in err
    assert "after the same answers; allowed: always the same" in err


def test_what_ends_a_worker_is_told_as_what_ends_the_program(ran: Ran) -> None:
    code = (
        f"import sys\n{ALONE}def outcome(world, results): sys.exit(3)\n"
        "SYSTEM = System('own', (Actor('w', 0, act),), cells=('x',), outcome=outcome, built_in=())\n"
    )
    ended, _, err = ran(code, "findings", "--scenario", "own.yaml", "--fault", "crash", "--workers", "2")
    assert ended == 2, err
    assert err.splitlines()[-1].endswith("own.py:9: raised SystemExit: 3")
