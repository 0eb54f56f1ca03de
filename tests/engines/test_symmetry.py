"""States that stand for others: exchanging child runs, or twins, changes nothing of what can follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import combinations, permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import batchsim.engines.exhaustive.search as search_module
from batchsim.batch.operations import ScheduleCompletion
from batchsim.batch.policies import POLICIES
from batchsim.batch.setting import Setting
from batchsim.batch.system import class_of
from batchsim.engines.exhaustive import Bounds, Exploration, Graph, explore
from batchsim.engines.exhaustive.following import follow
from batchsim.engines.exhaustive.layout import Layout
from batchsim.engines.exhaustive.moves import Move, StepKind, StepTable
from batchsim.engines.exhaustive.packing import Packing
from batchsim.engines.exhaustive.symmetry import Symmetry, sort_twins
from batchsim.engines.timed import simulate
from batchsim.engines.values import ABSENT
from batchsim.scenario import Scenario, scenario_from_data
from batchsim.stores import redis
from tests.trying import examples

Row = tuple[int, ...]
Step = tuple[int, StepKind, Move]
BOUNDS = Bounds(states_max=4_000)

subjects = st.builds(
    lambda items, consumers, kinds, call, faults: scenario_from_data(
        {
            "name": "x",
            "batch": {"items": items, "call": call},
            "items": {"overrides": [{"index": place, "kind": kinds[place]} for place in range(items)]},
            "consumers": consumers,
            "faults": faults,
        }
    ),
    st.integers(2, 3),
    st.integers(1, 2),
    st.lists(st.sampled_from(["ok", "ok", "pre_failed"]), min_size=3, max_size=3),
    st.sampled_from(["batchTrigger", "batchTriggerAndWait"]),
    st.sampled_from([[], [], [{"redeliver": {"at_most": 1}}], [{"crash": {"at_most": 1}}]]),
)
policies = st.sampled_from(sorted(POLICIES))


def steps(table: StepTable, row: Row) -> Iterator[Step]:
    """Every step of a state, each of twins by itself, idle ones once."""
    for role in table.layout.roles:
        idle = set()
        for column in role.columns:
            for kind in table.kinds(role, row[column]):
                if kind not in idle:
                    yield from (
                        (column, kind, move) for move in kind.moves(tuple(row[each] for each in kind.columns))
                    )
                if kind.is_of_idle_twin:
                    idle.add(kind)


def after(row: Row, step: Step) -> Row:
    column, kind, move = step
    changed = list(row)
    changed[column] = move.local
    for place, value in zip(kind.columns, move.cells, strict=True):
        changed[place] = value
    return tuple(changed)


def representative(layout: Layout, row: Row) -> Row:
    packing = Packing(layout.width, layout.alike_columns())
    words = packing.packed(np.array([row]))
    for role in layout.roles:
        sort_twins(words, packing, role)
    Symmetry(layout).sort_pairs(words, packing)
    return tuple(packing.rows(words)[0].tolist())


def like(layout: Layout, row: Row) -> Iterator[Row]:
    """The states that differ from one in which child run is where, where its row is there."""
    pairs = [(role.columns.start, cell) for role, cell in layout.exchangeable if row[cell] != ABSENT]
    for ordered in permutations(pairs):
        exchanged = list(row)
        for (actor, cell), (other_actor, other_cell) in zip(pairs, ordered, strict=True):
            exchanged[actor], exchanged[cell] = row[other_actor], row[other_cell]
        yield tuple(exchanged)


def following(table: StepTable, row: Row) -> Counter[Row]:
    return Counter(representative(table.layout, after(row, step)) for step in steps(table, row))


def some_states(exploration: Exploration, step: int) -> Iterator[Row]:
    yield from map(tuple, exploration.graph.rows(slice(None, None, step)).tolist())


@settings(deadline=None, max_examples=examples(2, searched=25))
@given(subjects, policies)
def test_states_that_are_one_are_followed_by_the_same(subject: Scenario, policy: str) -> None:
    exploration = explore(subject, POLICIES[policy], bounds=BOUNDS)
    table = StepTable(exploration.graph.layout)
    for row in some_states(exploration, 11):
        for exchanged in like(table.layout, row):
            assert representative(table.layout, exchanged) == row
            assert following(table, exchanged) == following(table, row)


@settings(deadline=None, max_examples=examples(4, searched=25))
@given(subjects, policies)
def test_steps_that_do_not_conflict_commute(subject: Scenario, policy: str) -> None:
    exploration = explore(subject, POLICIES[policy], bounds=BOUNDS, exchanges=False)
    table = StepTable(exploration.graph.layout)
    for row in some_states(exploration, 11):
        for one, other in combinations(steps(table, row), 2):
            if one[0] != other[0] and not one[1].footprint.conflicts_with(other[1].footprint):
                assert after(after(row, one), other) == after(after(row, other), one)
                assert other in steps(table, after(row, one))
                assert one in steps(table, after(row, other))


def test_twins_that_hold_messages_of_two_items_commute() -> None:
    exploration = explore(scenario_from_data({"name": "x", "batch": {"items": 2}}), POLICIES["pr3427"])
    table = StepTable(exploration.graph.layout)
    met = set()
    for row in some_states(exploration, 1):
        for one, other in combinations(steps(table, row), 2):
            are_twins = one[1].role is other[1].role and one[0] != other[0]
            if are_twins and not one[1].footprint.conflicts_with(other[1].footprint):
                assert after(after(row, one), other) == after(after(row, other), one)
                met.add((one[1].operation.name, other[1].operation.name))
    assert ("postgres.create_run", "postgres.create_run") in met


@settings(deadline=None, max_examples=examples(4, searched=25))
@given(subjects, policies)
def test_exchanging_changes_no_number(subject: Scenario, policy: str) -> None:
    with_exchange = explore(subject, POLICIES[policy], bounds=Bounds(states_max=30_000))
    without = explore(subject, POLICIES[policy], bounds=Bounds(states_max=30_000), exchanges=False)
    if without.is_complete:
        assert counted(with_exchange) == counted(without)
        assert {shares(with_exchange)[key] == pytest.approx(share) for key, share in shares(without).items()} == {
            True
        }
        assert with_exchange.states <= without.states


def counted(exploration: Exploration) -> Counter[Any]:
    counts: Counter[Any] = Counter()
    for each in exploration.outcomes:
        counts[class_of(each.outcome, each.verdicts)] += each.schedules or 0
    return counts


def shares(exploration: Exploration) -> dict[Any, float | None]:
    return {class_of(each.outcome, each.verdicts): each.share for each in exploration.outcomes}


async def ask_but_for_the_first(setting: Setting, index: int, copy: int) -> None:
    await redis.set(f"final:{index}", 1)
    if await redis.get("final:0") is None:
        await ScheduleCompletion()


def test_runs_that_do_what_a_user_says_keep_their_places() -> None:
    """That may depend on the item."""
    policy = replace(POLICIES["pr3427"], after_run=ask_but_for_the_first, cells=("final:0", "final:1"))
    subject = scenario_from_data({"name": "x", "batch": {"items": 2}, "consumers": 1})
    with_exchange, without = (explore(subject, policy, exchanges=exchanges) for exchanges in (True, False))
    assert counted(with_exchange) == counted(without)


@settings(deadline=None, max_examples=examples(4, searched=15))
@given(subjects, policies, st.integers(0, 10**6))
def test_a_timed_run_is_a_path_of_the_graph_whichever_child_run_is_first(
    subject: Scenario, policy: str, seed: int
) -> None:
    exploration = explore(subject, POLICIES[policy], bounds=Bounds(states_max=30_000))
    if exploration.is_complete and not subject.setting.faults:
        trace = simulate(replace(subject, seed=seed), POLICIES[policy])
        edges = follow(exploration.graph, trace.steps)
        assert int(exploration.graph.targets[edges[-1]]) in exploration.graph.terminals
        walked = list(exploration.graph.walk(edges))
        assert Counter(step.name for step in walked) == Counter(step.name for step in trace.steps)


@settings(deadline=None, max_examples=examples(4, searched=15))
@given(subjects, policies)
def test_every_witness_of_several_items_replays(subject: Scenario, policy: str) -> None:
    exploration = explore(subject, POLICIES[policy], bounds=Bounds(states_max=30_000))
    if exploration.is_complete and not subject.setting.faults:
        for each in exploration.outcomes:
            trace = simulate(subject, POLICIES[policy], order=each.witness)
            assert trace.outcome == each.outcome
            assert [(step.actor, step.operation) for step in trace.steps] == [
                (step.actor, step.operation) for step in each.witness
            ]


def test_rows_are_widened_for_a_column_of_many_values() -> None:
    fault = {"store_error": {"actor": "consumer", "at_most": 2}}
    subject = scenario_from_data({"name": "x", "batch": {"items": 1}, "consumers": 1, "faults": [fault]})
    graph = explore(subject, POLICIES["pr3427"], merges=False, bounds=BOUNDS).graph
    large = np.flatnonzero(graph.rows(slice(graph.expanded)).max(axis=1) > np.iinfo(np.uint8).max)
    assert len(large) > 300
    assert_followed_by_its_steps(graph, large[::5].tolist())


@settings(deadline=None, max_examples=examples(4, searched=25))
@given(subjects, policies)
def test_a_state_is_followed_by_what_its_steps_give(subject: Scenario, policy: str) -> None:
    graph = explore(subject, POLICIES[policy], bounds=BOUNDS).graph
    assert_followed_by_its_steps(graph, range(0, graph.expanded, 11))


def assert_followed_by_its_steps(graph: Graph, states: Iterable[int]) -> None:
    table = StepTable(graph.layout)
    for state in states:
        found: Counter[Row] = Counter()
        for edge in range(*graph.edges_begin[state : state + 2]):
            found[tuple(graph.row(graph.targets[edge]))] += int(graph.weights[edge])
        assert found == following(table, tuple(graph.row(state)))


@settings(deadline=None, max_examples=examples(4, searched=25))
@given(subjects, policies)
def test_the_first_edges_are_those_of_shortest_paths(subject: Scenario, policy: str) -> None:
    whole = explore(subject, POLICIES[policy], bounds=BOUNDS)
    tree = explore(subject, POLICIES[policy], bounds=BOUNDS, counts=False)
    assert tree.graph.is_tree
    for needs_all_edges in (lambda graph: follow(graph, ()), lambda graph: graph.topological_levels):
        needs_all_edges(whole.graph)
        with pytest.raises(ValueError, match="only the first edge"):
            needs_all_edges(tree.graph)
    assert len(tree.graph.sources) == tree.states - 1
    assert (tree.states, tree.transitions) == (whole.states, whole.transitions)
    assert np.array_equal(tree.graph.terminals, whole.graph.terminals)
    by_length = sorted(whole.outcomes, key=lambda each: (each.verdicts == ("ok",), len(each.witness)))
    assert [len(each.witness) for each in tree.outcomes] == [len(each.witness) for each in by_length]
    assert {each.witness for each in tree.outcomes} == {each.witness for each in whole.outcomes}


def test_bounds_are_looked_at_within_a_level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_module, "CHUNK", 50)
    subject = scenario_from_data({"name": "x", "batch": {"items": 3}})
    bounded = explore(subject, POLICIES["pr3427"], bounds=Bounds(states_max=5_000))
    assert not bounded.is_complete
    assert 5_000 < bounded.states < 5_000 + 50 * 12
    assert bounded.graph.expanded < bounded.graph.levels_begin[-1]


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = scenario_from_data({"name": "x", "batch": {"items": 2}})
    usual = explore(subject, POLICIES["pr3427"])
    monkeypatch.setattr(search_module, "CHUNK", 7)
    in_chunks = explore(subject, POLICIES["pr3427"])
    assert (in_chunks.states, in_chunks.transitions) == (usual.states, usual.transitions)
    assert counted(in_chunks) == counted(usual)
    assert [len(each.witness) for each in in_chunks.outcomes] == [len(each.witness) for each in usual.outcomes]
