"""What can be asserted of a scenario under a policy."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, NoReturn

from batchsim.bad_input import BadInputError
from batchsim.checking.answers import Answer, Example, Way, ask
from batchsim.checking.work import properties_in
from batchsim.engines.exhaustive.search import UNBOUNDED, Bounds
from batchsim.model.properties import Property
from batchsim.scenario import Scenario, load_scenario
from batchsim.scenario.problems import unknown
from batchsim.testing.failures import run_of_example, told_failure, witness_file

Within = Literal["one run", "intervals", "all orders"]
"""How it is asked: one run with the scenario's seed; all runs that the intervals of the latencies allow; all
orders of steps, whatever takes how long."""

_WAYS = {"one run": Way.RUN, "intervals": Way.INTERVALS, "all orders": Way.ORDERS}
WITNESSES = "BATCHSIM_WITNESS"
"""In the environment: the folder that witnesses of failures go to, unless an assertion names one."""


class VerdictGiven(AssertionError):
    """A scenario can be given a verdict that it must not be given; the text tells what led to it."""

    def __init__(
        self, message: str, *, scenario: str, policy: str, verdicts: tuple[str, ...], witness: Path | None
    ) -> None:
        super().__init__(message)
        self.scenario = scenario
        """Its name."""
        self.policy = policy
        self.verdicts = verdicts
        """All that the schedule was given."""
        self.witness = witness
        """The file that replays it; `None`: none was written."""


class NotProved(AssertionError):
    """Nothing was found, but not everything was looked into."""

    def __init__(self, message: str, *, scenario: str, policy: str, reason: str) -> None:
        super().__init__(message)
        self.scenario = scenario
        self.policy = policy
        self.reason = reason


def assert_never(
    scenario: Scenario | str | os.PathLike[str],
    policy: Any = None,
    verdict: str = "any",
    *,
    within: Within | None = None,
    samples: int | None = None,
    properties: Sequence[Property] = (),
    witness: str | os.PathLike[str] | None = None,
    bounds: Bounds = UNBOUNDED,
) -> None:
    """A scenario is never given a verdict under a policy.

    `scenario`: one that was loaded, its file, or the name of one that batchsim ships (`incident`). `policy`: a
    name, `path/to/file.py:NAME` from where the scenario is, or a policy; `None`: the first one of the scenario.
    `verdict`: its name; `any` is all but ok. `within`: how it is asked; `intervals` unless given. `samples`:
    instead, so many runs with latencies drawn anew, which proves nothing. `properties`: verdicts of your own
    beside those of the scenario. `witness`: the folder that a witness of a failure goes to. `bounds`: where to
    give up.

    Raises `VerdictGiven`; `NotProved` where a bound was hit or a fault that is to happen does nowhere; and
    `BadInputError` (`InvalidScenario` among them) for what cannot be used.
    """
    __tracebackhide__ = True
    asked = _ask((verdict,), scenario, policy, within, samples, properties, witness, bounds)
    wrong = asked.answer.example_of(None if verdict == "any" else verdict)
    if wrong is not None:
        asked.fail(wrong, f"given {', '.join(wrong.verdicts)}, must never be given {verdict}")
    asked.check_complete()


def assert_proved(
    scenario: Scenario | str | os.PathLike[str],
    policy: Any = None,
    *,
    within: Within = "all orders",
    properties: Sequence[Property] = (),
    witness: str | os.PathLike[str] | None = None,
    bounds: Bounds = UNBOUNDED,
) -> None:
    """No order (or no run within the intervals) is given any verdict but ok: a proof, within the scenario.

    The parameters and errors are those of `assert_never`; `within` is not `one run`, which proves nothing.
    """
    __tracebackhide__ = True
    if within == "one run":
        raise ValueError("within: found 'one run', which proves nothing; allowed: 'intervals', 'all orders'")
    assert_never(scenario, policy, within=within, properties=properties, witness=witness, bounds=bounds)


def assert_only(
    scenario: Scenario | str | os.PathLike[str],
    policy: Any,
    verdicts: str | Iterable[str],
    *,
    within: Within | None = None,
    samples: int | None = None,
    properties: Sequence[Property] = (),
    witness: str | os.PathLike[str] | None = None,
    bounds: Bounds = UNBOUNDED,
) -> None:
    """A scenario is given these verdicts under a policy and no others; it need not be given each of them.

    `ok` has to be named where it may be given. The parameters and errors are those of `assert_never`.
    """
    allowed = (verdicts,) if isinstance(verdicts, str) else tuple(verdicts)
    __tracebackhide__ = True
    asked = _ask(allowed, scenario, policy, within, samples, properties, witness, bounds)
    for example in asked.answer.examples:
        if not set(example.verdicts) <= set(allowed):
            told = ", ".join(example.verdicts)
            asked.fail(example, f"given {told}, may be given only {', '.join(allowed)}")
    asked.check_complete()


def _ask(*arguments: Any) -> _Asked:
    """Ask; what cannot be used is told where the test says it, not where it was found out."""
    __tracebackhide__ = True
    try:
        return _Asked(*arguments)
    except BadInputError as error:
        raise error.with_traceback(None) from None


class _Asked:
    """A scenario that was asked, and what it answered."""

    def __init__(
        self,
        verdicts: Iterable[str],
        scenario: Scenario | str | os.PathLike[str],
        policy: Any,
        within: Within | None,
        samples: int | None,
        properties: Sequence[Property],
        witness: str | os.PathLike[str] | None,
        bounds: Bounds,
    ) -> None:
        self.scenario = scenario if isinstance(scenario, Scenario) else load_scenario(os.fspath(scenario))
        self.name, self.policy = chosen(self.scenario, policy)
        self._folder = witness if witness is not None else os.environ.get(WITNESSES) or None
        self._properties = [*properties_in(self.scenario), *properties]
        if within is not None and samples is not None:
            raise ValueError("found within and samples; allowed: one of them")
        if within is not None and within not in _WAYS:
            raise ValueError(f"within: found {within!r}; allowed: {', '.join(map(repr, _WAYS))}")
        if samples is not None and samples < 1:
            raise ValueError(f"samples: found {samples}; allowed: a whole number from 1")
        self._check_known(verdicts)
        self.answer: Answer = ask(
            self.scenario,
            self.name,
            self.policy,
            Way.RATE if samples is not None else _WAYS[within or "intervals"],
            properties=self._properties,
            bounds=bounds,
            runs=samples or 1,
        )

    def _check_known(self, verdicts: Iterable[str]) -> None:
        """A name that no verdict has would never be given; raises `InvalidScenario`."""
        names = (*self.scenario.known_verdicts([self.policy]), *(each.name for each in self._properties))
        known = tuple(dict.fromkeys(("any", *names)))
        for verdict in verdicts:
            if verdict not in known:
                raise unknown("verdict", verdict, known)

    def fail(self, example: Example, claim: str) -> NoReturn:
        """Tell what led to it."""
        __tracebackhide__ = True
        file = None
        if self._folder is not None and example.steps is not None:
            file = witness_file(Path(self._folder), self.scenario, self.name, example)
        run = run_of_example(self.scenario, self.name, self.policy, self._properties, example)
        told = told_failure(self.scenario, run, self.answer.way, example, file)
        raise VerdictGiven(
            f"{self.scenario.name}, {self.name}, {self.answer.way.value}: {claim}\n\n{told}",
            scenario=self.scenario.name,
            policy=self.name,
            verdicts=example.verdicts,
            witness=file,
        )

    def check_complete(self) -> None:
        """Raises `NotProved`."""
        __tracebackhide__ = True
        reasons = [*self.answer.doubts, *(f"no run comes to {name}" for name in self.answer.unreached)]
        if self.answer.way in (Way.RUN, Way.RATE):
            reasons += self.answer.absent
        if not self.answer.is_complete:
            reasons.append(self.answer.stopped_by or "not complete")
        if reasons:
            reason = "; ".join(reasons)
            raise NotProved(
                f"{self.scenario.name}, {self.name}, {self.answer.way.value}: not proved: {reason}",
                scenario=self.scenario.name,
                policy=self.name,
                reason=reason,
            )


def chosen(scenario: Scenario, policy: Any) -> tuple[str, Any]:
    """The policy that is meant, and its name; raises `BadInputError`."""
    if policy is None:
        policy = scenario.policies[0]
    if not isinstance(policy, str):
        return policy.name, policy
    policy = scenario.listed_as(policy)
    return policy, scenario.policy_named(policy)
