"""Statements on rows, against plain Python."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchsim import Property, scenario_of, simulate
from batchsim.bad_input import BadInputError
from batchsim.model.cells import Cells
from batchsim.model.system import Actor, System, World
from batchsim.stores import READY_MADE, postgres
from tests.stores.agreeing import applied, numbers, with_time

identity, number = st.sampled_from("ab"), st.integers(0, 2)
where = st.none() | st.fixed_dictionaries({"n": number})
STATEMENTS = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), identity, number, st.sampled_from(("nothing", "update", "raise"))),
        st.tuples(st.just("update"), identity, number, where),
        st.tuples(st.just("add"), identity, number, where),
        st.tuples(st.just("returning"), identity, number, where),
        st.tuples(st.just("delete"), identity, st.none(), where),
        st.tuples(st.just("select"), identity, st.none(), where),
        st.tuples(st.just("select_many"), identity, st.none(), where),
    ),
    max_size=15,
)


def plainly(table: dict[str, dict[str, int]], verb: str, row: str, value: Any, rest: Any) -> Any:
    is_met = (
        row in table and all(table[row][name] == each for name, each in (rest or {}).items())
        if verb != "insert"
        else row in table
    )
    match verb:
        case "insert":
            if is_met and rest == "raise":
                return postgres.UniqueViolation
            if not is_met or rest == "update":
                table[row] = {"n": value}
            return not is_met
        case "update" | "add" | "returning":
            if is_met:
                table[row] = {"n": value if verb == "update" else table[row]["n"] + value}
            return int(is_met) if verb != "returning" else (dict(table[row]) if is_met else None)
        case "delete":
            if is_met:
                del table[row]
            return int(is_met)
        case "select":
            return dict(table[row]) if is_met else None
    return {
        each: dict(table[each])
        for each in "ab"
        if each in table and all(table[each][name] == n for name, n in (rest or {}).items())
    }


def stated(verb: str, row: str, value: Any, rest: Any) -> Any:
    match verb:
        case "insert":
            return postgres.insert("t", row, n=value, on_conflict=rest)
        case "update":
            return postgres.update("t", row, set={"n": value}, where=rest)
        case "add":
            return postgres.update("t", row, add={"n": value}, where=rest)
        case "returning":
            return postgres.update("t", row, add={"n": value}, where=rest, returning=("n",))
        case "select_many":
            return postgres.select_many("t", "ab", where=rest)
    return getattr(postgres, verb)("t", row, where=rest)


@given(STATEMENTS)
def test_statements_do_what_plain_python_does(statements: list[Any]) -> None:
    world, table = World(Cells()), dict[str, dict[str, int]]()
    for statement in statements:
        assert applied(stated(*statement), world) == plainly(table, *statement)
    assert {key.rpartition(":")[2]: dict(row) for key, row in world.cells.items()} == table


def test_an_absent_column_is_equal_to_nothing() -> None:
    world = World(Cells())
    applied(postgres.insert("t", 1, a=1), world)
    assert applied(postgres.update("t", 1, set={"a": 2}, where={"b": None}), world) == 0


def test_a_row_that_was_read_is_a_value() -> None:
    world = World(Cells())
    applied(postgres.insert("t", 1, a=1), world)
    row = applied(postgres.select("t", 1), world)
    assert row == {"a": 1}
    assert hash(row) == hash(applied(postgres.select("t", 1), world))
    with pytest.raises(TypeError, match=r"allowed: postgres\.update"):
        row["a"] = 2


def test_an_update_changes_something() -> None:
    with pytest.raises(BadInputError, match="found neither set nor add"):
        applied(postgres.update("t", 1), World(Cells()))


def test_a_counter_that_is_read_and_written_loses_what_one_statement_keeps() -> None:
    async def read_and_write() -> None:
        row = await postgres.select("t", 1)
        assert row is not None
        await postgres.update("t", 1, set={"n": row["n"] + 1})

    async def add() -> None:
        await postgres.update("t", 1, add={"n": 1})

    key = postgres.row_key("t", 1)
    lost = Property("lost", "One is lost.", lambda end: dict(end[key])["n"] < 2)

    def counting(program: Any) -> System[Any]:
        twins = tuple(Actor("a", each, program, is_twin=True) for each in range(2))
        first = postgres.columns_of({"n": 0})
        return System("count", twins, (key,), properties=(lost,), begin=lambda cells: cells.write(key, first))

    assert numbers(counting(read_and_write)) == {"lost": 4, "ok": 2}
    assert numbers(counting(add)) == {"ok": 2}
    assert with_time(counting(read_and_write)) == {"lost", "ok"}
    (one, other) = simulate(scenario_of(counting(add))).steps
    assert one.name == other.name == "postgres.update"


def test_every_statement_has_a_name_for_scenarios() -> None:
    made = (
        *(postgres.select("t", 1), postgres.select_many("t", (1,)), postgres.insert("t", 1)),
        *(postgres.update("t", 1, set={"a": 1}), postgres.delete("t", 1)),
    )
    assert {each.name for each in made} == {name for name in READY_MADE if name.startswith("postgres.")}


def test_a_row_is_there_whatever_columns_it_has() -> None:
    world = World(Cells({postgres.row_key("t", "a"): ()}))
    assert postgres.select("t", "a").apply(world)
    assert postgres.select("t", "b").apply(world) is None
    assert not postgres.select_many("t", "b").apply(world)
