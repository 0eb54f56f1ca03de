"""The models of a latency: a plain duration, or a mapping that names a distribution or the two legs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self, TypeAlias

from pydantic import (
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from batchsim.durations import DURATION_SENTENCE
from batchsim.scenario.latencies import Constant, Distribution, Empirical, Legs, Uniform
from batchsim.scenario.problems import describe
from batchsim.scenario.schema.curves import ExponentialFields, LognormalFields, NormalFields, UniformEnds
from batchsim.scenario.schema.parts import HAS_TITLE, schema_of_many
from batchsim.scenario.schema.rules import JsonSchema, Reading, refusal
from batchsim.scenario.schema.strict import Strict
from batchsim.scenario.schema.values import DURATION_SCHEMA, QUANTILES, SAMPLES, duration_us_of

Written: TypeAlias = Distribution | Legs
"""A latency as it was written: whether a distribution is a round trip, only its operation tells."""


class DistributionFields(Strict):
    """One distribution, by its name."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    uniform: UniformEnds | None = Field(None, description="[shortest, longest]")
    normal: NormalFields | None = None
    lognormal: LognormalFields | None = None
    exponential: ExponentialFields | None = None
    empirical: Annotated[Empirical | None, SAMPLES] = Field(None, description="A file with measured values")
    quantiles: Annotated[Empirical | None, QUANTILES] = Field(None, description="p50, p95, p99, max")

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        self._check_keys(ok=len(self.model_fields_set) == 1, allowed=DISTRIBUTION_KEYS)
        return self

    def _check_keys(self, *, ok: bool, allowed: str) -> None:
        if not ok:
            raise refusal(allowed, found=" and ".join(self.given_keys()) or "an empty mapping")

    def written(self) -> Written:
        """The one that was given, as plain data."""
        if self.uniform is not None:
            return Uniform(*self.uniform)
        fields = self.normal or self.lognormal or self.exponential
        if fields is not None:
            return fields.distribution()
        samples = self.empirical or self.quantiles
        assert samples is not None
        return samples


DISTRIBUTION_KEYS = f"one of {', '.join(DistributionFields.model_fields)}"


@dataclass(frozen=True, slots=True)
class DurationOr:
    """A plain duration, or a mapping that `fields` reads, which is built where there is such a mapping."""

    fields: type[DistributionFields]

    @property
    def allowed(self) -> str:
        """What follows `allowed:` in a message."""
        return f"{DURATION_SENTENCE}, or a mapping with {', '.join(self.fields.model_fields)}"

    def __get_pydantic_core_schema__(self, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(self._read, metadata={HAS_TITLE: True})

    def __get_pydantic_json_schema__(self, _core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        return {"anyOf": [*DURATION_SCHEMA["anyOf"], handler(schema_of_many(self.fields))]}

    def _read(self, value: object, info: ValidationInfo[Reading]) -> Written:
        if not isinstance(value, dict):
            return Constant(duration_us_of(value, self.allowed))
        return self.fields.model_validate(value, context=info.context).written()


DISTRIBUTION = DurationOr(DistributionFields)


_LEG_SCHEMA: JsonSchema = {"enum": ["request", "response"]}


class LatencyFields(DistributionFields):
    """One distribution for the round trip, or one for each leg; a leg that is not given takes no time."""

    model_config = ConfigDict(
        json_schema_extra={
            "minProperties": 1,
            "anyOf": [{"maxProperties": 1}, {"propertyNames": _LEG_SCHEMA}],
        }
    )

    request: Annotated[Distribution | None, DISTRIBUTION] = Field(None, description="Before the effect")
    response: Annotated[Distribution | None, DISTRIBUTION] = Field(None, description="After the effect")

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        legs = self.model_fields_set <= {"request", "response"} and self.model_fields_set
        self._check_keys(
            ok=bool(legs) or len(self.model_fields_set) == 1,
            allowed=f"{DISTRIBUTION_KEYS}; or request and response",
        )
        return self

    def written(self) -> Written:
        """What was given, as plain data."""
        if self.request is None and self.response is None:
            return super().written()
        return Legs(self.request or Constant(0), self.response or Constant(0))


LATENCY = DurationOr(LatencyFields)


def read_latency(value: object) -> Written:
    """A latency as a scenario would write it, without files; raises `ValueError`, which says what is allowed."""
    try:
        return TypeAdapter[Written](Annotated[Written, LATENCY]).validate_python(value, context=Reading(Path()))
    except ValidationError as error:
        details = error.errors(include_url=False)[0].get("ctx", {})
        found = details.get("found") or describe(value)
        raise ValueError(f"found {found}; allowed: {details.get('allowed') or LATENCY.allowed}") from None
