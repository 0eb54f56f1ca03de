"""What a command is given: scenarios, policies, properties; all that is wrong with them is a `BadInputError`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from batchsim.bad_input import BadInputError

if TYPE_CHECKING:
    from batchsim.analysis.expectations import Field
    from batchsim.analysis.runs import RunOfSweep
    from batchsim.model.properties import Property
    from batchsim.scenario import Scenario

_PERCENT = re.compile(r"(?P<number>[0-9]{1,2}(\.[0-9]{1,9})?) *%")


def load(
    files: Iterable[Path],
    overrides: Sequence[str],
    seed: int | None,
    check: Callable[[Scenario], None] | None = None,
    policies: Sequence[str] = (),
) -> list[Scenario]:
    """All scenarios; raises `BadInputError` with everything that is wrong with any of them.

    `check`: what else they must be fit for; raises `InvalidScenario`. `policies`: those asked for instead of the
    scenarios' own.
    """
    from batchsim.report.progress import Progress
    from batchsim.scenario import InvalidScenario, load_scenario

    scenarios, problems = [], []
    with Progress(quiet=_is_quiet()) as progress:
        progress.begin("loading policies")
        own_names = _own_names(policies) if policies else None
        for file in files:
            progress.begin(f"loading {file}")
            if os.path.isdir(file):  # noqa: PTH112 - too long a name is no error here
                problems.append(f"{file}: found a folder; allowed: a file (run, report and check take folders)")
                continue
            try:
                scenario = load_scenario(file, overrides, seed, own_names)
                if check is not None:
                    check(scenario)
                scenarios.append(scenario)
            except InvalidScenario as invalid:
                problems.append(str(invalid))
    if problems:
        raise BadInputError("\n".join(dict.fromkeys(problems)))
    return scenarios


def files_in(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Files, and the scenarios in folders; raises `BadInputError` for a folder without any."""
    paths = tuple(paths)
    if not any(os.path.isdir(path) for path in paths):  # noqa: PTH112 - too long a name is no error here
        return paths
    from batchsim.checking.finding import scenario_files

    return tuple(scenario_files(paths))


def _own_names(policies: Sequence[str]) -> list[str]:
    """The names of those that are the user's own; what is wrong with any of them is told by who uses it."""
    from batchsim.batch.policies import POLICIES
    from batchsim.scenario import find_policy
    from batchsim.user_code import UserCodeError, is_reference

    names = []
    for reference in filter(is_reference, policies):
        with suppress(UserCodeError):
            names.append(find_policy(reference, Path()).name)
    return [name for name in names if name not in POLICIES]


def expected_by(
    scenario: Scenario, field: Field, names: Sequence[str], chosen: Sequence[tuple[str, Any]]
) -> dict[str, frozenset[str] | None]:
    """By the name that each was asked for by: what is expected of the policies chosen by `policies_of`."""
    from batchsim.analysis.expectations import expected_of

    return expected_of(scenario, field, chosen, Path() if names else None)


def percentage(text: str) -> float | None:
    """`0.5%`, as a share; `None`: it is none below 100 %."""
    match = _PERCENT.fullmatch(text.strip())
    return None if match is None else float(match["number"]) / 100


def runs_of_sweeps(
    scenarios: Sequence[Scenario], number: int, values: Sequence[str]
) -> tuple[RunOfSweep, list[Scenario]]:
    """Of each scenario the one whose own run is that of a number in its sweep; raises `BadInputError`.

    `values`: options of `--at`, the point of the sweep.
    """
    from batchsim.analysis.runs import RunOfSweep
    from batchsim.analysis.sweep import parse_point, run_of
    from batchsim.scenario import InvalidScenario, check_for_timed_run

    point = parse_point(values)
    runs, problems = [], []
    for scenario in scenarios:
        try:
            run = run_of(scenario, point, number)
            check_for_timed_run(run)
            runs.append(run)
        except InvalidScenario as invalid:
            problems.append(str(invalid).replace("--set ", "--at ", 1))
    if problems:
        raise BadInputError("\n".join(dict.fromkeys(problems)))
    return RunOfSweep(number, {name: value.text for name, value in point.values}), runs


def _is_quiet() -> bool:
    """Whether the command was asked to print nothing."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.params.get("quiet"))


def by_their_names(scenarios: Iterable[Scenario], names: Sequence[str]) -> tuple[str, ...]:
    """Policies that are called by what they are (`bug`), by their names; one that a model calls so is its own.

    One of the user's own that a scenario lists can be called by its name, too: it is `path/to/file.py:NAME` then.
    """
    from batchsim.analysis.witnesses import within
    from batchsim.batch.glosses import ALIASES

    scenarios = tuple(scenarios)
    own = {name for scenario in scenarios if scenario.own is not None for name in scenario.known_policies}

    def named(name: str) -> str:
        if name in own:
            return name
        listed = {within(each.directory, found) for each in scenarios if (found := each.listed_as(name)) != name}
        # Two files may each have one of that name: then it is none's.
        return listed.pop() if len(listed) == 1 else ALIASES.get(name, name)

    return tuple(map(named, names))


def policies_of(scenario: Scenario, names: Sequence[str]) -> list[tuple[str, Any]]:
    """The policies asked for, or those of the scenario, each with the name it was asked for by."""
    from batchsim.analysis.headings import by_what_it_was_asked_for

    directory = Path() if names else scenario.directory
    chosen = dict.fromkeys(names or scenario.policies)
    known = scenario.known_policies
    found = ((name, _find(scenario.find_policy, known, "--policy", name, directory)) for name in chosen)
    return [(name, by_what_it_was_asked_for(scenario, name, policy)) for name, policy in found]


def policy_named(scenario: Scenario, option: str, name: str) -> Any:
    """The policy that an option names; raises `BadInputError`."""
    return _find(scenario.find_policy, scenario.known_policies, option, name, Path())


def policy_of(scenario: Scenario, file: Path, name: str) -> tuple[str, Any]:
    """The policy that a witness of a scenario, in a file, names."""
    return name, policy_named(scenario, f"{file}: policy", name)


def verdict_names(
    scenario: Scenario, chosen: Sequence[tuple[str, Any]], properties: Iterable[Property]
) -> tuple[str, ...]:
    """The names of all verdicts that a scenario can be given under some policies; `properties`: further ones."""
    names = (*scenario.known_verdicts(policy for _, policy in chosen), *(each.name for each in properties))
    return tuple(dict.fromkeys(names))


def properties_of(scenario: Scenario, names: Sequence[str]) -> list[Property]:
    """The user's own properties, those of the scenario and those asked for."""
    from batchsim.batch.verdicts import VERDICTS
    from batchsim.scenario import find_verdict

    own = [_find(find_verdict, VERDICTS, "verdicts", name, scenario.directory) for name in scenario.verdicts]
    own += [_find(find_verdict, VERDICTS, "--verdict", name, Path()) for name in dict.fromkeys(names)]
    given = [each.name for each in own]
    for name in given:
        if given.count(name) > 1:
            raise BadInputError(f"--verdict: found two properties of the name {name!r}; allowed: one of each name")
    return [each for each in own if scenario.own is not None or each.name not in VERDICTS]


def _find(find: Callable[[str, Path], Any], known: Iterable[str], option: str, name: str, directory: Path) -> Any:
    from batchsim.scenario.spelling import did_you_mean
    from batchsim.user_code import UserCodeError

    try:
        return find(name, directory)
    except KeyError:
        allowed = ", ".join((*known, "path/to/file.py:NAME"))
        hint = did_you_mean(name, known)
        parts = (f"{option}: found {name!r}", f"allowed: {allowed}", hint)
        raise BadInputError("; ".join(filter(None, parts))) from None
    except UserCodeError as error:
        raise BadInputError(f"{option}: {error}") from None
