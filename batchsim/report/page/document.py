"""What a page shows, as JSON: put together of what analysis and engines say, and of the other contracts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from batchsim.analysis.chains import Stretch, spans_of
from batchsim.analysis.contest import contest_of
from batchsim.analysis.deciding import numbered, with_places
from batchsim.analysis.likeness import first_alike
from batchsim.analysis.margins import Margin
from batchsim.analysis.runs import PolicyRun
from batchsim.analysis.study import Explored, Study
from batchsim.analysis.walking import Walkable, walk_of_run, walk_of_witness, walkable_of
from batchsim.report import phrases, words
from batchsim.report.contract import expectation_of_run
from batchsim.report.latencies import by_item, in_words, special_operations
from batchsim.report.occurrences import happened
from batchsim.report.outcomes import columns_of_runs, is_of_batch, row_of_run, value_in_words
from batchsim.report.page.claims import claims_of, headline_of
from batchsim.report.page.graphs import STATES_MAX, graph_document, outcomes_document
from batchsim.report.page.policies import policy_names, with_gloss
from batchsim.report.page.tables import Tables
from batchsim.report.page.walks import COLUMNS, Cells, walk_document
from batchsim.report.page.windows import found_document
from batchsim.report.questions import question_of
from batchsim.report.shell import join
from batchsim.report.sweep_contract import results_of
from batchsim.rounding import rounded
from batchsim.scenario import Scenario, fault_in_words
from batchsim.scenario.own_systems import plain_of
from batchsim.visible import in_one_line, visible

SCHEMA = 1
GRAPHS_WHOLE_MAX = 15_000
"""Graphs that are handed out whole have so many states together; of others the part around witnesses is."""
RUN, EXAMPLE, WITNESS = "run", "example", "witness"
Walkables = dict[int, Walkable]
"""By the places of their policies in the study."""


class Commands(NamedTuple):
    """Words of commands that show something of a page again."""

    run: Sequence[str]
    """The one that runs the scenario, such as `batchsim run FILE`; a policy is to be added."""
    again: Sequence[str]
    """The one that wrote the page."""


def page_document(
    study: Study, commands: Commands, warnings: Sequence[str] = (), *, heads_with: str
) -> dict[str, Any]:
    """The page of a scenario.

    `heads_with`: `run`, what one run under each policy came to, or `orders`, what any order of steps can come to.
    """
    scenario, runs, command = study.scenario, study.runs, commands.run
    tables, cells, walkables = Tables(), Cells(), _walkables(study)
    walks = [
        *_runs(study, tables, cells, command),
        *_examples(study, tables, cells, command),
        *_witnesses(study, walkables, tables, cells, command),
    ]
    graphs = list(_graphs(study, walkables, tables, cells))
    claims = claims_of(study)
    headline = headline_of(claims)
    systems = [scenario.system(policy) for _, policy in study.policies]
    listed = list(dict.fromkeys(cell for system in systems for cell in system.cells))
    headings = columns_of_runs(runs).headings if runs else ()
    return {
        "schema": SCHEMA,
        "page": "scenario",
        "scenario": in_one_line(scenario.name),
        "summary": visible(scenario.summary),
        "seed": scenario.seed,
        "command": join(command),
        "again": join(commands.again),
        "heads_with": heads_with,
        "headline": headline,
        "question": question_of(
            scenario, (policy for _, policy in study.policies), fails=bool(headline["failing"])
        ),
        "claims": claims,
        "opens": _opens(walks) if heads_with == "orders" else None,
        "sentence": visible(_sentence(runs)) if runs else "",
        "warnings": [visible(each) for each in warnings],
        "setting": [[visible(name), visible(value)] for name, value in _setting(study)],
        "meanings": _meanings(study, systems),
        "headings": list(headings),
        "runs": [_run(run) for run in runs] or [_of_orders(each) for each in study.explored],
        "tables": tables.document(),
        "cells": cells.document(listed),
        "columns": list(COLUMNS),
        "walks": walks,
        "explorations": [_explored(study, place) for place in range(len(study.policies))],
        "graphs": graphs,
        "windows": [found_document(scenario.name, each) for each in study.windows],
        "likely": _likely(study, command),
    }


def _sentence(runs: Sequence[PolicyRun]) -> str:
    """The one sentence that says it: of the first run that fails, otherwise of the first."""
    run = next((each for each in runs if not each.is_ok), runs[0])
    if not is_of_batch(run):
        # The first says what went wrong; those after it speak of what it has named.
        told = run.explanation[0] if run.explanation else f"it ended after {rounded(run.trace.ended_us)}"
        return f"Under {with_gloss(run.policy)}: {told}"
    row = words.batch_row(run.trace.outcome.batch)
    done = words.runs_created(run.trace)
    call = phrases.call_sentence(run).removesuffix(".")
    return (
        f"Under {with_gloss(run.policy)} {call[0].lower()}{call[1:]}; {done} items have a child run, "
        f"and the batch ended {row}."
    )


def _opens(walks: Sequence[dict[str, Any]]) -> str | None:
    """The walk that is shown first where a page is about all orders: one that fails, if there is one."""
    failing = (walk["id"] for walk in walks if walk["kind"] != EXAMPLE and walk["verdicts"] != ["ok"])
    return next(failing, None)


def _of_orders(explored: Explored) -> dict[str, Any]:
    """A policy of which there is no timed run, with the verdicts that some order of steps gives."""
    found = set() if explored.known is None else explored.known.verdicts - {"ok"}
    return {
        "policy": policy_names(explored.policy),
        "summary": visible(getattr(explored.policy, "summary", "")),
        "verdicts": sorted(found) or ["ok"],
        "expected": None,
        "as_expected": None,
        "cells": [],
        "margins": [],
    }


def _meanings(study: Study, systems: Sequence[Any]) -> dict[str, str]:
    """What each verdict says, in the words of its property."""
    found = {"ok": "Nothing went wrong."}
    for system in systems:
        for each in (*system.properties, *system.built_in, *study.properties):
            found.setdefault(each.name, each.meaning)
    return {name: visible(summary) for name, summary in found.items()}


def _run(run: PolicyRun) -> dict[str, Any]:
    return {
        "policy": policy_names(run.policy),
        "summary": visible(getattr(run.policy, "summary", "")),
        "verdicts": list(run.verdicts),
        **expectation_of_run(run),
        "cells": [visible(each) for each in row_of_run(run)],
        "margins": [None if each is None else each.margin_us for each in (run.race, run.seal)],
    }


# -- setting -----------------------------------------------------------------------------------


def _setting(study: Study) -> Iterator[tuple[str, str]]:
    scenario = study.scenario
    if scenario.own is None:
        yield from _of_batch(scenario)
    else:
        file, _, name = scenario.own.reference.rpartition(":")
        yield "system", f"{Path(file).name}:{name}"
        for name, value in (plain_of(scenario.own.parameters) or {}).items():
            yield name, value_in_words(value)
        latencies = scenario.latencies
        for name, latency in (*latencies.of_group.items(), *latencies.of_operation.items()):
            yield name, in_words(latency)
    said = [] if study.scenario_run is None else happened(study.scenario_run, lambda run: with_gloss(run.policy))
    for number, (fault, told) in enumerate(zip_longest(scenario.faults, said)):
        yield f"fault {number}", fault_in_words(fault) + ("" if told is None else f": {told[0]}")
    yield "seed", str(scenario.seed)


def _of_batch(scenario: Scenario) -> Iterator[tuple[str, str]]:
    setting = scenario.setting
    yield "call", setting.call
    kinds: dict[str, int] = {}
    for item in setting.items:
        kinds[item.kind.value] = kinds.get(item.kind.value, 0) + 1
    yield "items", ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    yield "upload", by_item(scenario, "store.upload") if any(each.offloaded for each in setting.items) else "none"
    yield "execution", by_item(scenario, "run.finish")
    yield "consumers", str(setting.consumers)
    yield from special_operations(scenario)


# -- walks -------------------------------------------------------------------------------------


def _runs(study: Study, tables: Tables, cells: Cells, command: Sequence[str]) -> Iterator[dict[str, Any]]:
    scenario, runs = study.scenario, study.runs
    for place, run in enumerate(runs):
        alike = first_alike(runs, place)
        yield {
            "id": in_one_line(run.policy.name),
            "kind": RUN,
            **told_of_run(run),
            "title": "simulated run",
            "command": join([*command, "--policy", run.name, "--timeline"]),
            "like": None if alike is None else in_one_line(alike.policy.name),
            "walk": None if alike is not None else walk_of_policy_run(scenario, run, tables, cells),
        }


def _examples(study: Study, tables: Tables, cells: Cells, command: Sequence[str]) -> Iterator[dict[str, Any]]:
    for number, run in study.examples:
        yield {
            "id": f"{in_one_line(run.policy.name)}@{number}",
            "kind": EXAMPLE,
            **told_of_run(run),
            "title": f"run {number} of the sweep",
            "command": join([*command, "--policy", run.name, "--run", str(number), "--timeline"]),
            "like": None,
            "walk": walk_of_policy_run(study.scenario, run, tables, cells),
        }


def told_of_run(run: PolicyRun) -> dict[str, Any]:
    """What a page says of a run beside its steps."""
    return {
        "policy": policy_names(run.policy),
        "verdicts": list(run.verdicts),
        "explanation": [visible(each) for each in run.explanation],
        "race": _race(contest_of(run)),
    }


def walk_of_policy_run(scenario: Scenario, run: PolicyRun, tables: Tables, cells: Cells) -> dict[str, Any]:
    """The steps of a run."""
    system = scenario.system(run.policy)
    actors = {actor.name: actor for actor in system.actors}
    return walk_document(walk_of_run(system, run.trace.steps), tables, cells, actors, run.decisive)


def _race(margin: Margin | None) -> dict[str, Any] | None:
    if margin is None:
        return None
    return {
        "margin_us": margin.margin_us,
        "is_won": margin.is_won,
        "since": "the start" if margin.cause is None else phrases.step_and_item(margin.cause),
        "since_step": None if margin.cause is None else margin.cause.number + 1,
        "sides": [
            {
                "operation": step.name,
                "actor": step.actor,
                "step": step.number + 1,
                "spans": _spans(legs),
            }
            for step, legs in ((margin.endpoint, margin.endpoint_legs), (margin.rival, margin.rival_legs))
        ],
    }


def _spans(legs: Sequence[Stretch]) -> list[list[Any]]:
    """Of each its actor, its operation, the part if it is one, and how long it took (us)."""
    return [
        [
            span.actor,
            span.operation,
            span.parts[0].part if len({each.part for each in span.parts}) == 1 else None,
            span.duration_us,
        ]
        for span in spans_of(legs)
    ]


def _witnesses(
    study: Study, walkables: Walkables, tables: Tables, cells: Cells, command: Sequence[str]
) -> Iterator[dict[str, Any]]:
    scenario = study.scenario
    file = list(command[2:])
    for place, ((name, policy), explored) in enumerate(zip(study.policies, study.explored, strict=True)):
        if explored.known is None:
            continue
        walkable = walkables.get(place)
        system = scenario.system(policy)
        actors = {actor.name: actor for actor in system.actors}
        for number, outcome in enumerate(explored.known.outcomes, 1):
            walk = walk_of_witness(system, outcome.witness)
            decisive = [] if walkable is None else walkable.decisive_in(outcome.witness)
            yield {
                "id": f"{in_one_line(policy.name)}~{number}",
                "kind": WITNESS,
                "policy": policy_names(policy),
                "verdicts": list(outcome.verdicts),
                "title": f"{'shortest' if explored.known.is_complete else 'an'} order to outcome {number}",
                "explanation": [],
                "command": join(["batchsim", "explore", *file, "--policy", name]),
                "like": None,
                "race": None,
                "walk": walk_document(walk, tables, cells, actors, decisive),
            }


# -- all orders --------------------------------------------------------------------------------


def _explored(study: Study, place: int) -> dict[str, Any]:
    explored = study.explored[place]
    exploration, policy = explored.exploration, policy_names(explored.policy)
    if exploration is None:
        return {"policy": policy, "why_none": visible(explored.why_none)}
    return {
        "policy": policy,
        "why_none": None,
        "states": exploration.states,
        "transitions": exploration.transitions,
        "schedules": None if exploration.schedules is None else str(exploration.schedules),
        "is_proof": exploration.is_proof,
        "outcomes": outcomes_document(exploration.outcomes),
        "reasons": [
            {"verdict": each.verdict, "constraints": None if each.constraints is None else _constraints(each)}
            for each in explored.explained.reasons
        ],
        "decisive": [
            {
                "operation": numbered(each.operation, places),
                "actor": each.actor,
                "way": each.alternative,
                "overtook": list(each.overtook),
                "verdict": each.verdict,
                "edges": each.edges,
            }
            for each, places in with_places(exploration, explored.explained.places)
        ],
    }


def _constraints(explanation: Any) -> list[list[str | None]]:
    """Of each the earlier event and the later one, if there is one."""
    return [
        [str(each.earlier), str(each.later[0]) if each.later else None] for each in explanation.constraints or ()
    ]


def _walkables(study: Study) -> Walkables:
    """The graphs that can be walked, those that fail first: they are whole as long as there is room."""
    left = GRAPHS_WHOLE_MAX
    found: Walkables = {}
    for place, explored in sorted(enumerate(study.explored), key=lambda each: not _fails(each[1])):
        if explored.exploration is not None:
            walkable = walkable_of(explored.exploration, study.properties, min(left, STATES_MAX))
            if walkable is not None:
                found[place] = walkable
                left -= len(walkable.states) if walkable.is_whole else 0
    return found


def _fails(explored: Explored) -> bool:
    return explored.exploration is not None and not explored.exploration.verdicts <= {"ok"}


def _graphs(study: Study, walkables: Walkables, tables: Tables, cells: Cells) -> Iterator[dict[str, Any]]:
    for place, walkable in walkables.items():
        yield {"policy": policy_names(study.explored[place].policy), **graph_document(walkable, tables, cells)}


def _likely(study: Study, command: Sequence[str]) -> dict[str, Any] | None:
    if study.sweep is None:
        return None
    glosses = {policy.name: policy_names(policy) for _, policy in study.policies}
    shown = [
        {
            **cell,
            "policy": glosses.get(cell["policy"], {"name": cell["policy"], "gloss": ""}),
            "verdicts": {name: each for name, each in cell["verdicts"].items() if each["count"]},
        }
        for cell in results_of(study.sweep)["sweep"]
    ]
    return {
        "runs": study.sweep.cells[0].runs,
        "command": join(["batchsim", "sweep", *command[2:]]),
        "run_command": join(["batchsim", "run", *command[2:], "--timeline"]),
        "cells": shown,
    }
