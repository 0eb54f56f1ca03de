"""A scenario: what happens to whom, and how long it takes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from batchsim.bad_input import BadInputError
from batchsim.batch.setting import Setting
from batchsim.batch.system import system_of
from batchsim.durations import InvalidDuration, parse_duration
from batchsim.model.faults import Fault
from batchsim.model.operation import CHOOSE
from batchsim.model.properties import OK
from batchsim.model.system import System
from batchsim.scenario import declared, defaults
from batchsim.scenario.latencies import Constant, Latency, Legs
from batchsim.scenario.names import find_policy, known_policies, known_verdicts
from batchsim.scenario.problems import InvalidScenario, unknown
from batchsim.scenario.rates import RateLimit
from batchsim.scenario.slow import Slow
from batchsim.scenario.tree import Node
from batchsim.scenario.written_faults import WrittenFault
from batchsim.user_code import is_reference

if TYPE_CHECKING:
    from batchsim.scenario.own_systems import OwnModel

T = TypeVar("T")

_FOR_SO_LONG = re.compile(r"(?P<name>[^()]+)\((?P<duration>.*)\)")
"""A wait whose name says how long it is: `sleep(100 ms)`."""


def _delay_of(operation: str, duration: str) -> Latency:
    try:
        return defaults.delay(Constant(parse_duration(duration)))
    except InvalidDuration as error:
        raise BadInputError(f"{operation}: found {duration!r}; allowed: {error}") from None


@dataclass(frozen=True, slots=True)
class LatencyTable:
    """Who takes how long: per item first, then per operation."""

    of_operation: Mapping[str, Latency]
    """Every operation except those whose latency depends on the attempt."""
    of_item: Mapping[str, Mapping[int, Latency]]
    """By operation, the items that differ."""
    of_group: Mapping[str, Latency] = field(default_factory=dict)
    """What a scenario gives for the operations of a group that are not production's."""

    def given_for(self, item: int | None) -> tuple[Latency | None, ...]:
        """The latencies that are given for an item alone: the same for items that take as long as one another."""
        return tuple([None if item is None else latencies.get(item) for latencies in self.of_item.values()])

    def find(self, operation: str, item: int | None, attempt: int | None) -> Latency:
        """The latency of one use of an operation, as `Scenario.latency_of` has it."""
        if item is not None and operation in self.of_item:
            special = self.of_item[operation].get(item)
            if special is not None:
                return special
        if operation in self.of_operation:
            return self.of_operation[operation]
        if operation in defaults.BACKOFFS and attempt is not None:
            return defaults.backoff(attempt, operation)
        if (wait := _FOR_SO_LONG.fullmatch(operation)) is not None:
            return self.of_operation.get(wait["name"]) or _delay_of(operation, wait["duration"])
        if operation == CHOOSE:
            return defaults.delay(defaults.ZERO)
        group = declared.group_of(operation)
        given = self._of_group(group, operation) or declared.latency_of(operation)
        found = given or defaults.GROUPS.get(group or "")
        if found is None:
            raise declared.no_latency(operation)
        return found

    def _of_group(self, group: str | None, operation: str) -> Latency | None:
        given = self.of_group.get(group or "")
        if isinstance(given, Legs) and operation in defaults.ANSWERS:
            return defaults.delay(given.response)
        return given


@dataclass(frozen=True, slots=True)
class Scenario:
    """One validated scenario; nothing in it changes, and two of the same content are equal."""

    name: str
    summary: str
    file: str
    """As the caller named it; for people, and in reports."""
    directory: Path
    """What `path/to/file.py:NAME` is relative to."""
    setting: Setting
    policies: tuple[str, ...]
    """Names, or `path/to/file.py:NAME`."""
    verdicts: tuple[str, ...]
    """The user's own, each `path/to/file.py:NAME`."""
    seed: int
    expect: Mapping[str, frozenset[str]]
    """By policy, its name or the reference to it: the verdicts of a timed run with `seed`."""
    expect_explore: Mapping[str, frozenset[str]]
    """Likewise: the verdicts that some interleaving gives."""
    latencies: LatencyTable = field(repr=False)
    expect_timed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Likewise: the verdicts that some latencies within their intervals give."""
    expect_rate: Mapping[str, Mapping[str, RateLimit]] = field(default_factory=dict)
    """By policy, by verdict: how often a timed run is given it."""
    injected_delays: tuple[Slow, ...] = ()
    injected_delay_places: tuple[int, ...] = ()
    """Which places the delays have in the list of all faults; where it is not said, they come last."""
    written_faults: tuple[WrittenFault, ...] = field(default=(), repr=False, compare=False)
    """The faults of the setting, one for each, with their places."""
    own: OwnModel | None = None
    """In place of the batch, a model of the user's own."""
    written: Node | None = field(default=None, repr=False, compare=False)
    """What it was built from, so that it can be varied; `None`: not known."""

    def system(self, policy: Any = None) -> System[Any]:
        """What engines run: the batch, or a system of the user's own, under a policy.

        `policy`: itself, or its name as in `policy_named`; `None`: a system of the user's own under the first one.
        Raises `UserCodeError` for one that is of no use.
        """
        policy = self.policy_named(policy) if isinstance(policy, str) else policy
        if self.own is None:
            return system_of(self.setting, policy, self.numbers_of_faults)
        variant = self.find_policy(self.policies[0], self.directory) if policy is None else policy
        return self.own.system(variant, self.setting.faults, self.numbers_of_faults)

    @property
    def known_policies(self) -> tuple[str, ...]:
        """Names of the policies that come with what it is about: with batchsim, or with the user's own model."""
        return known_policies() if self.own is None else tuple(self.own.model.policies)

    def find_policy(self, name: str, directory: Path) -> Any:
        """The policy of that name, or `path.py:NAME` in `directory`; raises `KeyError`, `UserCodeError`."""
        return find_policy(name, directory) if self.own is None else self.own.policy(name, directory)

    def policy_named(self, name: str) -> Any:
        """The policy of a name, or `path/to/file.py:NAME` from where the scenario is.

        Raises `InvalidScenario` where there is none of that name, `BadInputError` for code that cannot be used.
        """
        try:
            return self.find_policy(name, self.directory)
        except KeyError:
            raise self.no_policy(name, "policy") from None

    def listed_as(self, name: str) -> str:
        """How `policies` refers to a policy of the user's own that has a name; if it does not, the name itself."""
        if name not in self.known_policies:
            for listed in filter(is_reference, self.policies):
                if self.find_policy(listed, self.directory).name == name:
                    return listed
        return name

    def no_policy(self, name: str, argument: str) -> InvalidScenario:
        """That there is no policy of that name, which an argument asks for."""
        return unknown(argument, name, self.known_policies, "path/to/file.py:NAME")

    def known_verdicts(self, policies: Iterable[Any]) -> tuple[str, ...]:
        """Names of the verdicts that some policies can be given, but for those of files."""
        if self.own is None:
            return known_verdicts()
        names = (each.name for policy in policies for each in self.system(policy).all_properties)
        return tuple(dict.fromkeys((OK, *names)))

    @property
    def faults(self) -> tuple[Fault | Slow, ...]:
        """Every fault, what is slow among them, in the order of the file: that of their numbers."""
        return self.listed(self.setting.faults, self.injected_delays)

    def listed(self, of_faults: Sequence[T], of_injected_delays: Sequence[T]) -> tuple[T, ...]:
        """What there is for each fault of the setting, and for each delay, in the order of `faults`."""
        both = list(of_faults)
        for place, each in zip(self.injected_delay_places, of_injected_delays, strict=False):
            both.insert(place, each)
        return (*both, *of_injected_delays[len(self.injected_delay_places) :])

    @property
    def numbers_of_faults(self) -> tuple[int, ...]:
        """For each fault of the setting its number among `faults`, which is what a reader of the file counts."""
        order = self.listed(range(len(self.setting.faults)), [-1] * len(self.injected_delays))
        return tuple(number for number, place in enumerate(order) if place >= 0)

    def latency_of(self, operation: str, item: int | None = None, attempt: int | None = None) -> Latency:
        """How long one use of an operation takes.

        What the scenario says of the item counts first, then of the operation, then of its group; then the
        default of its class, then that of its group. The operations in `defaults.BACKOFFS` need the attempt.
        Raises `BadInputError` where none of them says anything.
        """
        return self.latencies.find(operation, item, attempt)
