"""What a command is given: scenarios, policies, properties; all that is wrong with them is a `BadInputError`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from batchsim.bad_input import BadInputError

if TYPE_CHECKING:
    from batchsim.protocol.policy import Policy
    from batchsim.scenario import Scenario
    from batchsim.verdicts import Property


def load(
    files: Iterable[Path],
    overrides: Sequence[str],
    seed: int | None,
    check: Callable[[Scenario], None] | None = None,
) -> list[Scenario]:
    """All scenarios; raises `BadInputError` with everything that is wrong with any of them.

    `check`: what else they must be fit for; raises `InvalidScenario`.
    """
    from batchsim.report.progress import Progress
    from batchsim.scenario import InvalidScenario, load_scenario

    scenarios, problems = [], []
    with Progress(quiet=_is_quiet()) as progress:
        for file in files:
            progress.begin(f"loading {file}")
            try:
                scenario = load_scenario(file, overrides, seed)
                if check is not None:
                    check(scenario)
                scenarios.append(scenario)
            except InvalidScenario as invalid:
                problems.append(str(invalid))
    if problems:
        raise BadInputError("\n".join(dict.fromkeys(problems)))
    return scenarios


def _is_quiet() -> bool:
    """Whether the command was asked to print nothing."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.params.get("quiet"))


def policies_of(scenario: Scenario, names: Sequence[str]) -> list[tuple[str, Policy]]:
    """The policies asked for, or those of the scenario, each with the name it was asked for by."""
    from batchsim.policies import POLICIES
    from batchsim.scenario import find_policy

    directory = Path() if names else scenario.directory
    chosen = dict.fromkeys(names or scenario.policies)
    return [(name, _find(find_policy, POLICIES, "--policy", name, directory)) for name in chosen]


def policy_of(name: str) -> tuple[str, Policy]:
    """The policy that a witness names."""
    from batchsim.policies import POLICIES
    from batchsim.scenario import find_policy

    return name, _find(find_policy, POLICIES, "policy of the witness", name, Path())


def properties_of(scenario: Scenario, names: Sequence[str]) -> list[Property]:
    """The user's own properties, those of the scenario and those asked for."""
    from batchsim.scenario import find_verdict
    from batchsim.verdicts import VERDICTS

    own = [_find(find_verdict, VERDICTS, "verdicts", name, scenario.directory) for name in scenario.verdicts]
    own += [_find(find_verdict, VERDICTS, "--verdict", name, Path()) for name in dict.fromkeys(names)]
    given = [each.name for each in own]
    for name in given:
        if given.count(name) > 1:
            raise BadInputError(f"--verdict: found two properties of the name {name!r}; allowed: one of each name")
    return [each for each in own if each.name not in VERDICTS]


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
