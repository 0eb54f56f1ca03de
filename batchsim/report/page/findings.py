"""The page of findings as JSON: what each policy can come to under each budget of faults, with witnesses.

There are hundreds of witnesses, and many steps are the same in several of them. So a step stands in a table of
rows, and a witness is a list of numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from batchsim.analysis.findings import Base, Budget, Findings, Found, SizedBatch
from batchsim.analysis.findings.examining import under_budget
from batchsim.analysis.findings.table import FindingsTable, Known, PolicyStanding
from batchsim.analysis.walking import walk_of_order
from batchsim.model.properties import Property
from batchsim.model.system import System
from batchsim.report.findings_words import (
    HONEST,
    alike,
    faults_in_words,
    maybe_more,
    named,
    nothing_found,
    standings_in_short,
)
from batchsim.report.page.policies import policy_names
from batchsim.report.page.tables import Tables
from batchsim.report.page.walks import Cells, walk_document
from batchsim.report.phrases import counted
from batchsim.report.shell import join
from batchsim.visible import in_one_line, visible

SCHEMA = 1
ROW = ("actor", "operation", "answer", "way", "cells", "places", "views")
"""What a row of the table holds, in order: of `COLUMNS` of other pages what a step without time has."""
_PLACES = (1, 2, 3, 4, 11, 12, 13)
WITNESSES_MAX = 1500
"""With more the page would be too large: of further sizes of a batch the witness of another size is shown."""


def findings_page(
    findings: Findings,
    policies: Mapping[str, Any],
    properties: Iterable[Property],
    command: Sequence[str],
    warnings: Sequence[str] = (),
) -> dict[str, Any]:
    """The page; `policies`: all of the scope, as they were asked for. `properties`: verdicts of the user's own.

    `command`: the words of the one that finds it out again.
    """
    return _Page(findings, policies, properties).document(command, warnings)


class _Page:
    def __init__(self, findings: Findings, policies: Mapping[str, Any], properties: Iterable[Property]) -> None:
        self._findings, self._scope = findings, findings.scope
        self._policies, self._properties = policies, tuple(properties)
        self._tables, self._cells = Tables(), Cells()
        self._rows, self._begins = dict[str, int](), dict[str, int]()
        self._places = {policy: place for place, policy in enumerate(self._scope.policies)}
        self._sizes = list(self._scope.batches)
        self._has_several_consumers = any(batch.consumers > 1 for batch in self._sizes)
        self._witnesses: dict[Any, int] = {}
        self._shortest: dict[tuple[str, Base, Budget, str], int] = {}
        self._witness_entries: list[dict[str, Any]] = []
        self._systems: dict[tuple[str, SizedBatch, Budget], System[Any]] = {}

    def document(self, command: Sequence[str], warnings: Sequence[str]) -> dict[str, Any]:
        findings = self._findings
        tables = [self._table(None, findings.judgement)]
        for size in self._sizes if len(self._sizes) > len(self._scope.bases) else ():
            of_size = {case: each for case, each in findings.findings.items() if case.batch == size}
            tables.append(self._table(size, FindingsTable(of_size)))
        judgement = findings.judgement
        return {
            "schema": SCHEMA,
            "page": "findings",
            "title": "Findings",
            "headline": visible(self._headline()),
            "sentence": visible(self._sentence()),
            "command": join(command),
            "warnings": [visible(each) for each in warnings],
            "policies": [self._named(name) for name in self._scope.policies],
            "against": self._places[findings.against],
            "judged": [self._places[policy] for policy in findings.asked],
            "bases": [visible(findings.called(base)) for base in self._scope.bases],
            "sizes": [[self._scope.bases.index(each.base), _size(each)] for each in self._sizes],
            "budgets": [list(budget.names) for budget in self._scope.budgets],
            "verdicts": self._meanings(),
            "cases": judgement.cases,
            "complete": judgement.complete,
            "standings": [self._standing(policy) for policy in findings.asked if policy != findings.against],
            "answers": tables,
            "tables": self._tables.document(),
            "cells": self._cells.document([]),
            "rows": [json.loads(row) for row in self._rows],
            "begins": [json.loads(begin) for begin in self._begins],
            "columns": list(ROW),
            "witnesses": self._witness_entries,
        }

    def _named(self, name: str) -> dict[str, str]:
        known = policy_names(self._policies[name])
        return {
            "name": in_one_line(self._findings.names[name]),
            "gloss": known["gloss"],
            "summary": visible(getattr(self._policies[name], "summary", "")),
        }

    def _headline(self) -> str:
        """What there is about the policies that were asked for; not about the one that they are held against."""
        asked = self._findings.asked
        if len(asked) == 1:
            return self._headline_of(asked[0])
        failing = sum(bool(self._failures(policy, with_fault=False)) for policy in asked)
        return f"{failing} of {len(asked)} policies {'fails' if failing == 1 else 'fail'} without a fault"

    def _headline_of(self, policy: str) -> str:
        named = self._named(policy)
        name = f"{named['name']} ({named['gloss']})" if named["gloss"] else named["name"]
        alone, faults = self._failures(policy, with_fault=False), self._failures(policy, with_fault=True)
        if alone:
            told = f"{' and '.join(sorted(alone)).replace('_', ' ')} without a fault"
        elif self._is_proved_without_a_fault(policy):
            told = "nothing fails without a fault"
        else:
            told = "nothing found that fails without a fault, and nothing proved"
        if any(budget.names for budget in self._scope.budgets):
            told += f"; {counted(len(faults), 'verdict')} under faults"
        against = self._findings.against
        if policy != against and faults:
            compared = self._findings.compared(policy)
            new = {each.verdict for each in compared if each.standing is PolicyStanding.CAME_BACK} & faults
            other = self._findings.names[against]
            told += f", {len(new)} of them where {other} has none" if new else f", all where {other} has them, too"
        return f"{name}: {told}"

    def _failures(self, policy: str, *, with_fault: bool) -> set[str]:
        """The verdicts of a policy, under faults or without any; an honest answer is no failure."""
        return {
            place.verdict
            for place, _ in self._findings.shown(policy)
            if bool(place.budget.names) == with_fault and (self._scope.is_own or place.verdict != HONEST)
        }

    def _is_proved_without_a_fault(self, policy: str) -> bool:
        judgement = self._findings.judgement
        return all(
            judgement.cell(policy, budget, base).known is Known.PROVED
            for base in self._scope.bases
            for budget in self._scope.budgets
            if not budget.names
        )

    def _sentence(self) -> str:
        judgement = self._findings.judgement
        told = f"{faults_in_words(self._scope.budgets)}, anywhere, in any order of steps"
        told += f": {judgement.complete:,} of {judgement.cases:,} cases explored to the end"
        if judgement.complete < judgement.cases:
            told += f", and {self._findings.effort.walks} schedules drawn of each of the others"
        return (
            f"{told[0].upper()}{told[1:]}. Choose a verdict in the table to step through the shortest order to it."
        )

    def _meanings(self) -> dict[str, str]:
        """Of each verdict that occurs, what it says."""
        found = {place.verdict for policy in self._scope.policies for place, _ in self._findings.shown(policy)}
        told: dict[str, str] = {}
        for system in self._systems.values():
            for each in (*system.properties, *system.built_in, *self._properties):
                told.setdefault(each.name, each.meaning)
        return {name: visible(told.get(name, "")) for name in sorted(found)}

    def _standing(self, policy: str) -> dict[str, Any]:
        findings = self._findings
        against = findings.names[findings.against]
        compared = findings.compared(policy)
        return {
            "policy": self._places[policy],
            "in_short": visible(standings_in_short(compared)),
            "rows": [
                {
                    "verdict": each.verdict,
                    "base": self._scope.bases.index(each.base),
                    "under": visible(each.under),
                    "standing": each.standing.value,
                    "words": visible(each.words),
                }
                for each in alike(compared, against)
            ],
        }

    # -- cells -------------------------------------------------------------------------------------

    def _table(self, size: SizedBatch | None, judgement: FindingsTable) -> dict[str, Any]:
        """What is known of batches of a size, or of all sizes together."""
        looked_at = {case.budget for case in self._findings.findings if size in (None, case.batch)}
        return {
            "size": None if size is None else self._sizes.index(size),
            "cells": [
                self._cell(policy, base, budget, judgement, is_of_all_sizes=size is None)
                for base in (self._scope.bases if size is None else (size.base,))
                for budget in self._scope.budgets
                if budget in looked_at
                for policy in self._scope.policies
            ],
        }

    def _cell(
        self, policy: str, base: Base, budget: Budget, judgement: FindingsTable, *, is_of_all_sizes: bool
    ) -> list[Any]:
        """Policy, base, budget, how it is known, what is to be said beside the verdicts; and these."""
        cell = judgement.cell(policy, budget, base)
        found = judgement.shown(policy, budget, base)
        return [
            self._places[policy],
            self._scope.bases.index(base),
            self._scope.budgets.index(budget),
            cell.known.value,
            maybe_more(cell) if found else nothing_found(cell, budget),
            [
                [
                    verdict,
                    self._witness(budget, verdict, each),
                    int(is_of_all_sizes and each.is_of_one_consumer and self._has_several_consumers),
                ]
                for verdict, each in found.items()
            ],
        ]

    # -- witnesses ---------------------------------------------------------------------------------

    def _witness(self, budget: Budget, verdict: str, found: Found) -> int | None:
        """The number of the witness; `None`: there is none of this verdict on the page."""
        case = found.case
        shortest = case.policy, case.batch.base, budget, verdict
        key = case, found.witness.steps
        if key not in self._witnesses:
            if len(self._witnesses) >= WITNESSES_MAX:
                return self._shortest.get(shortest)
            self._witnesses[key] = len(self._witness_entries)
            self._witness_entries.append(self._entry(found))
        self._shortest.setdefault(shortest, self._witnesses[key])
        return self._witnesses[key]

    def _entry(self, found: Found) -> dict[str, Any]:
        case = found.case
        system = self._system(case.policy, case.batch, case.budget)
        actors = {actor.name: actor for actor in system.actors}
        walk = walk_document(walk_of_order(system, found.witness.steps), self._tables, self._cells, actors, ())
        size = "" if case.batch.base.call is None else f", {_size(case.batch)}"
        return {
            "policy": self._places[case.policy],
            "base": self._scope.bases.index(case.batch.base),
            "budget": self._scope.budgets.index(case.budget),
            "verdicts": list(found.witness.verdicts),
            "title": visible(f"{self._findings.called(case.batch.base)}, {named(case.budget)}{size}"),
            "command": join(self._findings.explore(case)),
            "actors": walk["actors"],
            "begin": _numbered(self._begins, walk["begin"]),
            "steps": [_numbered(self._rows, [row[place] for place in _PLACES]) for row in walk["steps"]],
        }

    def _system(self, policy: str, batch: SizedBatch, budget: Budget) -> System[Any]:
        key = policy, batch, budget
        if key not in self._systems:
            faults = tuple(self._scope.faults[name].fault for name in budget.names)
            scenario = under_budget(self._scope.batches[batch], faults)
            self._systems[key] = scenario.system(self._policies[policy])
        return self._systems[key]


def _numbered(numbers: dict[str, int], value: Any) -> int:
    return numbers.setdefault(json.dumps(value, separators=(",", ":")), len(numbers))


def _size(batch: SizedBatch) -> str:
    """`1 item, 2 consumers`; of a system of the user's own nothing."""
    if batch.base.call is None:
        return ""
    return f"{counted(batch.items, 'item')}, {counted(batch.consumers, 'consumer')}"
