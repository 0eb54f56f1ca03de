"""From the valid model of a file about a system of the user's own to the scenario that engines use.

Which names there are, only the system can tell: those of its policies, verdicts, actors and operations. So they
are checked here, each at its place in the file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from batchsim.batch.setting import Setting
from batchsim.model.faults import Fault
from batchsim.model.injection import matching
from batchsim.model.model import Model, Variant
from batchsim.model.operation import Operation
from batchsim.model.properties import OK
from batchsim.model.system import System
from batchsim.scenario import declared, defaults
from batchsim.scenario.building import given, latency_of_group, moments_of, rates, sets, written_faults
from batchsim.scenario.own_systems import OwnModel, parameter_names, plain_of, read_parameters
from batchsim.scenario.problems import InvalidScenario, Problem, describe
from batchsim.scenario.scenario import LatencyTable, Scenario
from batchsim.scenario.schema.models import FIELDS
from batchsim.scenario.schema.own_models import OwnLatencies, OwnScenarioFile
from batchsim.scenario.schema.own_types import NotOfType
from batchsim.scenario.schema.validation import below_operations
from batchsim.scenario.slow import Slow
from batchsim.scenario.spelling import did_you_mean
from batchsim.scenario.tree import Node, dotted, nearest_node
from batchsim.scenario.tree import Path as TreePath
from batchsim.stores import READY_MADE
from batchsim.user_code import UserCodeError, is_reference

_REFERENCE = "path/to/file.py:NAME"


def built_own(
    file_model: OwnScenarioFile, root: Node, file: str, directory: Path, policies: Iterable[str] | None
) -> Scenario:
    """The scenario that a valid model describes; raises `InvalidScenario` with all names that are not known.

    `policies`: names of the user's own among policies that are compared instead of those of the file.
    """
    names = _Names(file_model, root, policies)
    own = names.own
    if names.problems:
        raise InvalidScenario(names.problems)
    faults = tuple(written_faults(file_model.faults, root))
    values = [entry.value() for entry in file_model.faults]
    delays = {place: value for place, value in enumerate(values) if isinstance(value, Slow)}
    return Scenario(
        name=file_model.name,
        summary=file_model.summary,
        file=file,
        directory=directory,
        setting=Setting(items=(), consumers=0, faults=tuple(written.fault for written in faults)),
        policies=tuple(file_model.policies or own.model.policies),
        verdicts=tuple(file_model.verdicts),
        seed=file_model.seed,
        expect=sets(file_model.expect),
        expect_explore=sets(file_model.expect_explore),
        expect_timed=sets(file_model.expect_timed),
        expect_rate=rates(file_model.expect_rate),
        latencies=_latencies(own.model, file_model.latency, [written.fault for written in faults]),
        injected_delays=tuple(delays.values()),
        injected_delay_places=tuple(delays),
        written_faults=faults,
        own=own,
    )


def _latencies(model: Model, written: OwnLatencies, faults: Sequence[Fault]) -> LatencyTable:
    usual = OwnLatencies.model_validate(dict(model.latency), context=None) if model.latency else OwnLatencies()
    operations = {**given(usual.operations), **given(written.operations)}
    return LatencyTable(operations, moments_of(faults), {**latency_of_group(usual), **latency_of_group(written)})


class _Names:
    """The names in a file, held against those that the system has."""

    def __init__(self, file_model: OwnScenarioFile, root: Node, policies: Iterable[str] | None) -> None:
        self._file = file_model
        self._root = root
        self._given = frozenset(policies or ())
        self.problems: list[Problem] = []
        self.own = self._with_parameters(file_model.system)
        if not self.problems:
            self._variants = dict(self._compared())
        if not self.problems:
            self._systems = list(self._built())
        if not self.problems:
            self._check_expectations()
            self._check_operations()
            self._check_faults()

    def _refuse(
        self, path: TreePath, found: str | None, allowed: str, hint: str = "", *, key: bool = False
    ) -> None:
        node = nearest_node(self._root, path)
        place = node.key_place if key and node.key_place else node.place
        self.problems.append(Problem(*place, dotted(path), found, allowed, hint))

    # -- the system --------------------------------------------------------------------------------

    def _with_parameters(self, own: OwnModel) -> OwnModel:
        known = parameter_names(own.model)
        for name in self._file.parameters:
            if name not in known:
                found, hint = f"the unknown key {describe(name)}", did_you_mean(name, known)
                allowed = ", ".join(known) or f"none, as {own.reference} has no parameters"
                self._refuse(("parameters", name), found, allowed, hint, key=True)
        if self.problems:
            return own
        try:
            return replace(own, parameters=read_parameters(own.model, self._file.parameters))
        except NotOfType as error:
            for each in error.misfits:
                what = None if each.is_missing else describe(each.found)
                self._refuse(("parameters", *each.path), what, each.allowed)
        except Exception as error:  # of a check of the user's own
            self._refuse(("parameters",), f"{type(error).__name__}: {error}", "what the system takes")
        return own

    def _compared(self) -> Iterator[tuple[str, Variant]]:
        known = tuple(self.own.model.policies)
        for place, name in enumerate(self._file.policies or known):
            try:
                yield name, self.own.policy(name, self.own.directory)
            except KeyError:
                allowed = ", ".join((*known, _REFERENCE))
                self._refuse(("policies", place), describe(name), allowed, did_you_mean(name, known))
            except UserCodeError as error:
                self._refuse(("policies", place), describe(name), "a policy of your own", str(error))

    def _built(self) -> Iterator[System[Any]]:
        for variant in self._variants.values():
            try:
                yield self.own.system(variant)
            except UserCodeError as error:
                given = plain_of(self.own.parameters)
                told = f"with parameters {json.dumps(given)}: {error}" if given else str(error)
                self._refuse(("system",), describe(self.own.reference), "a system that can be run", told)
                return

    # -- what is expected --------------------------------------------------------------------------

    def _check_expectations(self) -> None:
        verdicts = self._verdicts()
        policies = (
            *self._variants,
            *(variant.name for variant in self._variants.values()),
            *self.own.model.policies,
        )
        for field in FIELDS:
            expected: dict[str, Iterable[str]] = getattr(self._file, field)
            for policy, names in expected.items():
                if policy not in policies and policy not in self._given and not is_reference(policy):
                    known = dict.fromkeys(policies)
                    allowed = ", ".join((*known, _REFERENCE))
                    self._refuse((field, policy), describe(policy), allowed, did_you_mean(policy, known), key=True)
                for place, name in enumerate(names):
                    if name not in verdicts:
                        is_key = field == "expect_rate"
                        path: TreePath = (field, policy, name if is_key else place)
                        hint = did_you_mean(name, verdicts)
                        self._refuse(path, describe(name), ", ".join(verdicts), hint, key=is_key)

    def _verdicts(self) -> tuple[str, ...]:
        own = [each.name for system in self._systems for each in system.all_properties]
        further = [self._name_of(reference) for reference in self._file.verdicts]
        return tuple(dict.fromkeys((OK, *own, *further)))

    def _name_of(self, reference: str) -> str:
        from batchsim.scenario.names import find_verdict  # noqa: PLC0415 - a circle otherwise

        return find_verdict(reference, self.own.directory).name

    # -- who does what -----------------------------------------------------------------------------

    def _operations(self) -> tuple[str, ...]:
        """Names of ready-made operations, and of those that the files of the system define."""
        modules = {
            getattr(part, "__module__", None)
            for system in self._systems
            for actor in system.actors
            for part in _functions(actor.program)
        }
        own = [
            name
            for module in sorted(filter(None, modules))
            for each in vars(sys.modules[module]).values()
            if isinstance(each, type) and issubclass(each, Operation)
            for name in [vars(each).get("name")]
            if isinstance(name, str)
        ]
        return tuple(dict.fromkeys((*own, *READY_MADE)))

    def _check_operations(self) -> None:
        known = self._operations()
        groups = (*defaults.GROUPS, *sorted(declared.own_groups()))
        for group in self._file.latency.model_extra or {}:
            if group not in groups:
                found, allowed = f"the unknown key {describe(group)}", ", ".join((*groups, "operations"))
                hint = below_operations(("latency", group)) or did_you_mean(group, groups)
                self._refuse(("latency", group), found, allowed, hint, key=True)
        for name in self._file.latency.operations:
            self._check_operation(("latency", "operations", name), name, known, key=True)
        for place, entry in enumerate(self._file.faults):
            for kind, field in (("crash", "before"), ("store_error", "operation"), ("slow", "operation")):
                operation = getattr(getattr(entry, kind), field, None)
                if operation is not None:
                    self._check_operation(("faults", place, kind, field), operation, known)

    def _check_operation(self, path: TreePath, name: str, known: Sequence[str], *, key: bool = False) -> None:
        if name not in known and not name.startswith("sleep("):
            hint = did_you_mean(name, known)
            own = ", ".join(each for each in known if each not in READY_MADE)
            allowed = f"{own + ', ' if own else ''}operations of {', '.join(_services(READY_MADE))}, sleep(…)"
            self._refuse(path, describe(name), allowed, hint, key=key)

    def _check_faults(self) -> None:
        actors = {name for system in self._systems for each in system.actors for name in (each.kind, each.name)}
        cells = dict.fromkeys(cell for system in self._systems for cell in system.cells)
        for place, entry in enumerate(self._file.faults):
            for kind in ("crash", "store_error", "slow"):
                name = getattr(getattr(entry, kind), "actor", None)
                if name is not None and name not in actors:
                    path: TreePath = ("faults", place, kind, "actor")
                    self._refuse(path, describe(name), ", ".join(sorted(actors)), did_you_mean(name, actors))
            if entry.lost_state is not None:
                for number, pattern in enumerate(entry.lost_state.keys):
                    if not matching((pattern,), cells):
                        path = ("faults", place, "lost_state", "keys", number)
                        self._refuse(path, describe(pattern), ", ".join(cells), did_you_mean(pattern, cells))
            if entry.outage is not None:
                services = _services((*self._operations(), *READY_MADE))
                if entry.outage.group not in services:
                    path = ("faults", place, "outage", "group")
                    hint = did_you_mean(entry.outage.group, services)
                    self._refuse(path, describe(entry.outage.group), ", ".join(services), hint)


def _functions(program: Any) -> Iterator[Any]:
    while hasattr(program, "func"):
        for each in (*program.args, *program.keywords.values()):
            if callable(each):
                yield from _functions(each)
        program = program.func
    yield program


def _services(operations: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.partition(".")[0] for name in operations))
