"""A scenario is run many times under several policies, to see how probable each verdict is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import batchsim
from batchsim.analysis.headings import by_what_it_was_asked_for
from batchsim.analysis.pool import SizedExecutor, cores, local_executor
from batchsim.analysis.sweep.executing import Execution, Watch
from batchsim.analysis.sweep.identity import digest_of
from batchsim.analysis.sweep.one_run import at_point
from batchsim.analysis.sweep.pieces import OwnPolicy
from batchsim.analysis.sweep.plan import Competitor, Enough, Plan
from batchsim.analysis.sweep.records import Records, SweepCell
from batchsim.analysis.sweep.results import Sweep, result_of
from batchsim.analysis.sweep.storing import NotKept, Store
from batchsim.analysis.sweep.varying import Point, parse_axes, points_of
from batchsim.bad_input import BadInputError
from batchsim.model.properties import Property
from batchsim.scenario import InvalidScenario, Scenario
from batchsim.scenario.names import is_shipped
from batchsim.user_code import content_of, is_reference

RUNS = 1000
IN_MEMORY = "@memory"
"""Ends the key of a policy that exists in this process only."""


def sweep(
    scenario: Scenario,
    policies: Sequence[Any] | None = None,
    *,
    runs: int = RUNS,
    vary: Sequence[str] = (),
    properties: Sequence[Property] = (),
    until_width: float | None = None,
    executor: Executor | None = None,
    workers: int | None = None,
    database: str | Path | None = None,
    resume: bool = False,
    directory: Path | None = None,
    watch: Watch = lambda known, total: True,
) -> Sweep:
    """Run a scenario `runs` times under each policy, and count the verdicts.

    The seed of a run derives from the content of the scenario, the point and the index of the run: so all policies
    meet the same latencies, and the result does not depend on who does the work, or in which order.

    `policies`: those of the scenario unless given; names, `path/to/file.py:NAME`, or policies. `vary`: up to two
    of `NAME=A..B:STEPS`, as for the option `--vary`. `properties`: verdicts of your own. `until_width`: a point
    needs no more runs once its widest 95 % interval is this wide (0.01: one percent), asked after each 100 runs.
    `executor`: who does the work; own processes unless given, for which the calling script needs the usual
    `if __name__ == "__main__"`. `workers`: how many pieces of work the executor takes at a time, or how many
    processes to start; all cores unless given. `database`: a file that keeps every run as it comes, with `resume`
    one to go on with, where policies and verdicts are shipped or in files. `directory`: what paths of policies are
    relative to; the current one unless given. `watch`: told how many runs are known, and of how many; what it
    returns says whether to go on.

    Raises `BadInputError` (`InvalidScenario` among them) for what cannot be used, `SweepNotKept` among them where
    the database takes no more, and `ValueError` for a
    scenario that is to be varied and was changed since it was loaded.
    """
    if runs < 1 or (workers is not None and workers < 1) or (until_width is not None and not 0 < until_width < 1):
        raise ValueError("runs and workers are at least 1, and a width lies between 0 and 1")
    axes = parse_axes(vary)
    competitors = competitors_of(scenario, policies, directory)
    places = _places(scenario, points_of(axes))
    plan = Plan(scenario, competitors, places, tuple(properties), runs, until_width)
    records = Records()
    with Store(None if database is None else Path(database), _identity(plan), resume=resume) as store:
        records.add(store.load())
        _refuse_what_nobody_can_tell(plan, records, database)
        enough = Enough(plan, records)
        with executor_of(executor, workers) as sized:
            try:
                is_complete = Execution(plan, records, enough, store).run(sized, watch)
            except NotKept as error:
                known = result_of(plan, axes, records, enough, is_complete=False)
                raise SweepNotKept(str(error), known) from None
    return result_of(plan, axes, records, enough, is_complete=is_complete)


class SweepNotKept(BadInputError):
    """The database took no more; `sweep`: what was known by then."""

    def __init__(self, message: str, sweep: Sweep) -> None:
        super().__init__(message)
        self.sweep = sweep


@contextmanager
def executor_of(executor: Executor | None, workers: int | None) -> Iterator[SizedExecutor]:
    """The executor that was given, or processes of one's own."""
    if executor is not None:
        yield executor, workers or cores()
        return
    with local_executor(workers) as sized:
        yield sized


def _places(scenario: Scenario, points: Sequence[Point]) -> tuple[tuple[Point, Scenario], ...]:
    """Every point with its scenario; what is wrong with any of them is told at once."""
    places, problems = [], []
    for point in points:
        try:
            places.append((point, at_point(scenario, point)))
        except InvalidScenario as invalid:
            problems += [re.sub("^--set ", "--vary ", line) for line in str(invalid).split("\n")]
    if problems:
        # What is said of each value of a field, such as that there is none of its name, is said once.
        told: dict[str, str] = {}
        for problem in problems:
            told.setdefault(problem.partition(": ")[2], problem)
        raise BadInputError("\n".join(told.values()))
    return tuple(places)


def with_other_parameters(scenario: Scenario, vary: Sequence[str]) -> tuple[Scenario, ...]:
    """The scenario with each value of the parameters that a sweep varies, other fields as they are.

    The scenario alone where it varies none. `vary`: as for `sweep`; raises `BadInputError`.
    """
    axes = [axis for axis in parse_axes(vary) if axis.name.startswith("parameters.")]
    return tuple(each for _, each in _places(scenario, points_of(axes)))


def competitors_of(
    scenario: Scenario, policies: Sequence[Any] | None, directory: Path | None
) -> tuple[Competitor, ...]:
    """The policies that take part, those of the scenario unless others are given; raises `BadInputError`."""
    relative_to = scenario.directory if policies is None else directory or Path()
    chosen = scenario.policies if policies is None else tuple(dict.fromkeys(policies))
    competitors = tuple(_competitor(scenario, each, relative_to.resolve()) for each in chosen)
    shown = [each.shown for each in competitors]
    for name in shown:
        if shown.count(name) > 1:
            raise BadInputError(f"--policy: found two policies of the name {name!r}; allowed: one of each name")
    if not competitors:
        raise ValueError("found no policies")
    return competitors


def _competitor(scenario: Scenario, policy: Any, directory: Path) -> Competitor:
    if not isinstance(policy, str):
        return Competitor(policy.name, _key_of(policy), policy, policy)
    try:
        found = scenario.find_policy(policy, directory)
    except KeyError:
        raise scenario.no_policy(policy, "policies") from None
    if not is_reference(policy):
        return Competitor(policy, policy, found, found if scenario.own is None else OwnPolicy(policy, directory))
    found = by_what_it_was_asked_for(scenario, policy, found)
    key = f"{policy.rpartition(':')[2]}@{content_of(policy, directory)}"
    return Competitor(policy, key, found, OwnPolicy(policy, directory))


def _key_of(policy: Any) -> str:
    return policy.name if is_shipped(policy) else f"{policy.name}{IN_MEMORY}"


def _refuse_what_nobody_can_tell(plan: Plan, records: Records, name: str | Path | None) -> None:
    """Raise `BadInputError` for runs of what existed in another process only: it may have been a namesake."""
    unknown = [
        f"policy {each.shown!r}"
        for each in plan.competitors
        if each.key.endswith(IN_MEMORY)
        and any(records.covered(SweepCell(each.key, point.key)) for point, _ in plan.places)
    ]
    if records.verdicts:
        unknown += [f"verdict {each.name!r}" for each in plan.properties if not each.content]
    if unknown:
        raise BadInputError(
            f"--out {name}: found runs under a {unknown[0]} that was in no file, so it may be another one; "
            "allowed: a new database, or path/to/file.py:NAME"
        )


def _identity(plan: Plan) -> dict[str, str]:
    # Faults are kept by number, and what is slow may stand anywhere among them.
    slow = ", ".join(str(place) for place in plan.scenario.injected_delay_places)
    order = {"order of faults": f"with slow operations at {slow}"} if slow else {}
    return {
        "version of batchsim": batchsim.__version__,
        "scenario": f"{plan.scenario.name} ({digest_of(plan.scenario)})",
        **order,
        "set of verdicts": ", ".join(
            (*plan.verdicts[: len(plan.verdicts) - len(plan.properties)], *map(_told_apart, plan.properties))
        ),
    }


def _told_apart(own: Property) -> str:
    return f"{own.name}@{own.content}" if own.content else own.name
