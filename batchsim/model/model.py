"""A model: the system for each of its policies, and for each value of its parameters.

A scenario file names one with `system: chord.py:CHORD`, gives its parameters, and compares its policies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from batchsim.bad_input import BadInputError
from batchsim.model.system import System


@dataclass(frozen=True, slots=True)
class Variant:
    """A policy of a model: its name, and what the model makes of it."""

    name: str
    value: Any


@dataclass(frozen=True, eq=False)
class Model:
    """A family of systems.

    `system` is given the policy (what stands under its name in `policies`) and the parameters (a value of the type
    `parameters`); the policy alone where there are none.
    """

    name: str
    system: Callable[..., System[Any]]
    policies: Mapping[str, Any]
    """By name, at least one: how the system works under it. Any values; a dataclass of coroutines reads well."""
    parameters: type | None = None
    """A dataclass, or a model of pydantic, with a default for each field. `None`: there are none."""
    summary: str = ""
    latency: Mapping[str, Any] = field(default_factory=dict)
    """What operations take unless a scenario says otherwise, as a scenario writes it: `{"redis": "300 us"}`."""

    def of(self, policy: str, parameters: Any = None) -> System[Any]:
        """The system under a policy, by its name; `parameters`: their defaults unless given.

        Raises `BadInputError` where there is no such policy.
        """
        if policy not in self.policies:
            known = ", ".join(self.policies)
            raise BadInputError(f"{self.name}: found the policy {policy!r}; allowed: {known}")
        return self.built(Variant(policy, self.policies[policy]), parameters)

    def built(self, policy: Variant, parameters: Any = None) -> System[Any]:
        """The system under a policy, be it one of the model's own or not."""
        if self.parameters is None:
            return self.system(policy.value)
        return self.system(policy.value, self.parameters() if parameters is None else parameters)


def model_of(system: System[Any]) -> Model:
    """A model that is one system: its only policy has the name of the system."""
    return Model(system.name, lambda _: system, {system.name: None})
