"""How one value of a scenario is read: by a check with a sentence of its own.

A `Rule` stands in the annotation of a pydantic field. It, not pydantic, decides what the value may be, so
that every refusal can say what was allowed, and it brings the JSON Schema that editors show.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo, ValidatorFunctionWrapHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from batchsim.batch.stores import MAX_ATTEMPTS
from batchsim.scenario import defaults
from batchsim.scenario.names import known_verdicts
from batchsim.scenario.problems import Problem, describe

JsonSchema = dict[str, Any]


@dataclass(slots=True)
class Reading:
    """What is known while one scenario is read, from the top of its models to the bottom."""

    directory: Path
    """What paths in the scenario are relative to."""
    run_count: int | None = None
    """Items of the batch; `None` until they are read, and if they are invalid."""
    is_stepwise: bool = False
    """Whether phase 1 has steps."""
    has_second_batch: bool = False
    """Whether the parent calls again, and its second call makes a batch of its own."""
    attempts_max: int = MAX_ATTEMPTS
    """Phase-2 requests of all calls of the parent."""
    consumers: int | None = defaults.CONSUMERS
    """Consumers of the batch queue; `None` if they are invalid."""
    verdicts: set[str] = field(default_factory=lambda: set(known_verdicts()))
    """Verdicts that can be expected: those of batchsim and those of the scenario."""
    policies_given: frozenset[str] | None = None
    """Names of policies that are compared instead of those of the file; `None`: none are."""
    own_policies: dict[str, dict[str, str]] = field(default_factory=dict)
    """By name of a policy of the user's own that is compared: the references to it, by where they lead."""
    has_unknown_policies: bool = False
    """Whether some policy that is compared could not be read, so that its name is not known."""
    _seen: set[tuple[str, object]] = field(default_factory=set)

    @property
    def own_names(self) -> tuple[str, ...]:
        """Names of policies of the user's own of which something can be expected."""
        return tuple(dict.fromkeys((*self.own_policies, *sorted(self.policies_given or ()))))

    def once(self, what: str, value: object, called: object = None) -> None:
        """Refuse a second `value` of the same kind, for example a second override of an item.

        `called`: what the message calls it, if not by itself.
        """
        if (what, value) in self._seen:
            raise refusal(f"each {what} once", found=f"{describe(called or value)} again")
        self._seen.add((what, value))


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A kind of value."""

    allowed: str
    """What follows `allowed:` in a message."""
    read: Callable[[Any, Reading], Any]
    """Its meaning; raises what `refusal` gives."""
    schema: JsonSchema

    def __get_pydantic_core_schema__(self, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(self._read)

    def __get_pydantic_json_schema__(self, _core: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchema:
        return dict(self.schema)

    def _read(self, value: object, info: ValidationInfo[Reading]) -> object:
        return self.read(value, info.context)


@dataclass(frozen=True, slots=True, eq=False)
class OneOrMore:
    """One value, or a list of them that is not empty; read as a tuple."""

    rule: Rule

    @property
    def allowed(self) -> str:
        """What follows `allowed:` in a message."""
        return self.rule.allowed

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        each = self.rule.__get_pydantic_core_schema__(source, handler)
        return core_schema.with_info_wrap_validator_function(
            self._read, core_schema.list_schema(each, min_length=1)
        )

    def __get_pydantic_json_schema__(self, _core: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchema:
        return {"anyOf": [self.rule.schema, {"type": "array", "items": self.rule.schema, "minItems": 1}]}

    def _read(
        self, value: object, more: ValidatorFunctionWrapHandler, info: ValidationInfo[Reading]
    ) -> tuple[Any, ...]:
        return tuple(more(value)) if isinstance(value, list) else (self.rule.read(value, info.context),)


def refusal(allowed: str, hint: str = "", found: str | None = None) -> PydanticCustomError:
    """The value is not allowed; `found` describes it where the value itself does not say enough."""
    return PydanticCustomError("refused", "{allowed}", {"allowed": allowed, "hint": hint, "found": found})


def refused_elsewhere(problem: Problem) -> PydanticCustomError:
    """The value names a file, and the problem is in there."""
    return PydanticCustomError("refused_elsewhere", "{problem}", {"problem": problem})
