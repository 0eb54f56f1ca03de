"""The page of an exploration within intervals, of exact probabilities, or without orders that commute, as JSON.

It says what was asked and what is answered: what is claimed of each policy, every outcome, and where there are
witnesses, each as a walk to step through.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from batchsim.analysis.runs import PolicyRun
from batchsim.analysis.walking import walk_of_witness
from batchsim.engines.exhaustive import WalkedStep
from batchsim.report.outcomes import columns_of, row_of
from batchsim.report.page.claims import KINDS, UNSURE, headline_of
from batchsim.report.page.document import EXAMPLE, WITNESS, told_of_run, walk_of_policy_run
from batchsim.report.page.policies import policy_names
from batchsim.report.page.tables import Tables
from batchsim.report.page.walks import COLUMNS, Cells, walk_document
from batchsim.report.shell import join
from batchsim.report.tables import Claim
from batchsim.scenario import Scenario, fault_in_words
from batchsim.visible import in_one_line, visible

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class AnsweredOutcome:
    """What a policy can come to."""

    outcome: Any
    verdicts: tuple[str, ...]
    further: tuple[str, ...]
    """What stands in the last columns."""
    witness: Sequence[WalkedStep] | PolicyRun | None
    """Its steps without time, or a run of it; `None`: there is none."""
    command: str
    """What shows it again; empty: nothing does."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of a policy."""

    name: str
    """As it was asked for."""
    policy: Any
    claim: Claim
    outcomes: tuple[AnsweredOutcome, ...]


class Words(NamedTuple):
    """What a page says whatever was found."""

    question: str
    """What was asked."""
    further: Sequence[str]
    """Headings of the last columns of outcomes."""
    size_means: str
    """What is meant by the words that it counts by; empty: everybody knows them."""


def answer_page(
    scenario: Scenario,
    words: Words,
    answers: Sequence[Answer],
    command: Sequence[str],
    warnings: Sequence[str] = (),
) -> dict[str, Any]:
    """The page; `command`: the words of the one that answers it again."""
    tables, cells = Tables(), Cells()
    walks: list[dict[str, Any]] = []
    shown = [_answer(scenario, each, tables, cells, walks) for each in answers]
    listed = list(dict.fromkeys(cell for each in answers for cell in scenario.system(each.policy).cells))
    systems = [scenario.system(each.policy) for each in answers]
    meanings = {"ok": "Nothing went wrong."}
    for system in systems:
        for each in (*system.properties, *system.built_in):
            meanings.setdefault(each.name, each.meaning)
    return {
        "schema": SCHEMA,
        "page": "answer",
        "scenario": in_one_line(scenario.name),
        "summary": visible(scenario.summary),
        "headline": headline_of([{**each, "verdicts": _verdicts_of(each)} for each in shown]),
        "question": words.question,
        "command": join(command),
        "warnings": [visible(each) for each in warnings],
        "faults": [visible(fault_in_words(each)) for each in scenario.faults],
        "further": list(words.further),
        "size_means": words.size_means,
        "answers": shown,
        "meanings": {name: visible(told) for name, told in meanings.items()},
        "tables": tables.document(),
        "cells": cells.document(listed),
        "columns": list(COLUMNS),
        "walks": walks,
    }


def _verdicts_of(answer: Mapping[str, Any]) -> list[str]:
    """Those that are not ok, in the order of outcomes; `ok` where there are none."""
    given = (verdict for outcome in answer["outcomes"] for verdict in outcome["verdicts"])
    return list(dict.fromkeys(each for each in given if each != "ok")) or ["ok"]


def _answer(
    scenario: Scenario, answer: Answer, tables: Tables, cells: Cells, walks: list[dict[str, Any]]
) -> dict[str, Any]:
    headings, _ = columns_of([each.outcome for each in answer.outcomes])
    outcomes = []
    for number, each in enumerate(answer.outcomes, 1):
        walk = None
        if each.witness is not None:
            walk = f"{in_one_line(answer.policy.name)}~{number}"
            walks.append(_walk(scenario, answer, each, walk, tables, cells))
        outcomes.append(
            {
                "verdicts": list(each.verdicts),
                "cells": [visible(cell) for cell in row_of(each.outcome)],
                "further": list(each.further),
                "walk": walk,
            }
        )
    return {
        "policy": policy_names(answer.policy),
        "claim": visible(answer.claim.words),
        "kind": KINDS.get(answer.claim.style, UNSURE),
        "size": visible(answer.claim.size),
        "headings": list(headings),
        "outcomes": outcomes,
    }


def _walk(
    scenario: Scenario, answer: Answer, given: AnsweredOutcome, name: str, tables: Tables, cells: Cells
) -> dict[str, Any]:
    number = name.rpartition("~")[2]
    if isinstance(given.witness, PolicyRun):
        return {
            "id": name,
            "kind": EXAMPLE,
            **told_of_run(given.witness),
            "title": f"outcome {number}",
            "command": given.command,
            "like": None,
            "walk": walk_of_policy_run(scenario, given.witness, tables, cells),
        }
    assert given.witness is not None
    system = scenario.system(answer.policy)
    actors = {actor.name: actor for actor in system.actors}
    return {
        "id": name,
        "kind": WITNESS,
        "policy": policy_names(answer.policy),
        "verdicts": list(given.verdicts),
        "title": f"an order to outcome {number}",
        "explanation": [],
        "command": given.command,
        "like": None,
        "race": None,
        "walk": walk_document(walk_of_witness(system, given.witness), tables, cells, actors, ()),
    }
