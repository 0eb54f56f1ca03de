"""The models of a scenario file, and its JSON Schema.

Fields are validated from top to bottom, and what is read early (how many items there are, which verdicts)
serves the checks below it through `Reading`: so one pass finds every problem, across fields too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from batchsim.batch.setting import CALLS_MAX, SLOTS, Call, Kind, Phase1
from batchsim.batch.stores import MAX_ATTEMPTS, IdempotencyKey
from batchsim.scenario import defaults
from batchsim.scenario.latencies import Distribution
from batchsim.scenario.schema.parts import HAS_TITLE, Part
from batchsim.scenario.schema.rate_fields import RateFields
from batchsim.scenario.schema.references import (
    COMPARED_POLICY,
    OPERATION,
    POLICY,
    PROPERTY,
    REFERENCE_SCHEMA,
    VERDICT,
    expected_policy,
)
from batchsim.scenario.schema.rules import OneOrMore, Reading, refusal
from batchsim.scenario.schema.spreads import DISTRIBUTION, LATENCY, Written
from batchsim.scenario.schema.strict import Strict
from batchsim.scenario.schema.values import INDEX, PROSE, TITLE, choice, positive_duration, whole_number

if TYPE_CHECKING:
    from batchsim.scenario.schema.faults import Entry
else:
    Entry = Any

ITEMS_MAX = 100_000
IS_STEPWISE: dict[str, Any] = {"const": Phase1.STEPWISE.value}
CALLS_AGAIN: dict[str, Any] = {"const": 2}


def _given(key: str, schema: dict[str, Any]) -> dict[str, Any]:
    """For the JSON Schema: a field is there, and has a value."""
    return {"required": [key], "properties": {key: schema}}


STREAM_END = "redis.enqueued_count"
"""The operation whose request leg is also called `latency.stream_end`."""
KIND = choice(Kind, Kind)
FAILED_ATTEMPTS = whole_number(0, 5)


class Batch(Strict):
    """The batch and the call that makes it."""

    model_config = ConfigDict(
        json_schema_extra={
            "dependentSchemas": {
                "idempotency_key": {"anyOf": [_given("phase_1", IS_STEPWISE), _given("calls", CALLS_AGAIN)]},
                "calls": {"not": {"allOf": [_given("phase_1", IS_STEPWISE), _given("calls", CALLS_AGAIN)]}},
            }
        }
    )

    items: Annotated[int, whole_number(1, ITEMS_MAX)] = Field(description="How many items the batch has")
    call: Annotated[Call, choice(Call, Call)] = Field(Call.TRIGGER, description="The SDK method")
    phase_1: Annotated[Phase1, choice(Phase1, Phase1)] = Field(
        Phase1.DONE,
        description="Whether phase 1 (POST /batches) is over at the beginning, or is taken step by step",
    )
    calls: Annotated[int, whole_number(1, CALLS_MAX)] = Field(
        1, description="How often the parent calls, at most: its next attempt calls again where its call rejects"
    )
    idempotency_key: Annotated[IdempotencyKey | None, choice(IdempotencyKey, IdempotencyKey)] = Field(
        None,
        description="The batch has a key. upstream: nothing is saved, and a retry meets the unique index; "
        "working: a retry gets the batch that is saved",
    )

    @field_validator("items")
    @classmethod
    def _tell_those_below(cls, items: int, info: ValidationInfo[Reading]) -> int:
        info.context.run_count = items
        return items

    @field_validator("phase_1")
    @classmethod
    def _tell_faults(cls, phase_1: Phase1, info: ValidationInfo[Reading]) -> Phase1:
        info.context.is_stepwise = phase_1 is Phase1.STEPWISE
        return phase_1

    @field_validator("idempotency_key")
    @classmethod
    def _is_of_use(cls, key: IdempotencyKey, info: ValidationInfo[Reading]) -> IdempotencyKey:
        if not info.context.is_stepwise and info.data.get("calls") == 1:
            allowed = "a key where batch.phase_1 is stepwise, or batch.calls is 2: only they look at it"
            raise refusal(allowed, found=str(key))
        if key is not None:
            info.context.has_second_batch = False  # a second call is about the same batch, or fails
        return key

    @field_validator("calls")
    @classmethod
    def _are_in_one_step(cls, calls: int, info: ValidationInfo[Reading]) -> int:
        if calls > 1 and info.context.is_stepwise:
            raise refusal("1 where batch.phase_1 is stepwise", found=str(calls))
        info.context.has_second_batch = calls > 1
        info.context.attempts_max = calls * MAX_ATTEMPTS
        return calls


class ItemFields(Strict):
    """What can be said of an item."""

    kind: Annotated[Kind | None, KIND] = Field(None, description="What a consumer makes of it")
    upload: Annotated[Distribution | None, DISTRIBUTION] = Field(
        None, description="How long its payload uploads; 0: a small payload, no upload step"
    )
    execution: Annotated[Distribution | None, DISTRIBUTION] = Field(
        None, description="How long its child run executes"
    )
    failed_attempts: Annotated[int | None, FAILED_ATTEMPTS] = Field(
        None, description="How many attempts of a consumer fail first"
    )


class Override(ItemFields):
    """One item, or several, that differ from the others."""

    index: Annotated[tuple[int, ...], OneOrMore(INDEX)] = Field(description="The items, counted from 0")


class Items(ItemFields):
    """All items, and those that differ."""

    overrides: list[Override] = Field([], description="Items that differ from the others")


class Latencies(Strict):
    """How long operations take: by group, or one by one."""

    redis: Annotated[Written | None, LATENCY] = Field(None, description="Redis commands and the batch queue")
    postgres: Annotated[Written | None, LATENCY] = Field(None, description="Postgres statements")
    http: Annotated[Written | None, LATENCY] = Field(None, description="Between the SDK and the API")
    stream_end: Annotated[Distribution | None, DISTRIBUTION] = Field(
        None,
        description="How long after the last item the handler sees the end of the request body: the request leg "
        "of redis.enqueued_count",
    )
    operations: dict[Annotated[str, OPERATION], Annotated[Written, LATENCY]] = Field(
        {}, description="By operation name, over the groups above"
    )

    @field_validator("operations")
    @classmethod
    def _one_end_of_the_stream(
        cls, operations: dict[str, Written], info: ValidationInfo[Reading]
    ) -> dict[str, Written]:
        if STREAM_END in operations and info.data.get("stream_end") is not None:
            raise refusal("one of the two", found=f"{STREAM_END} and latency.stream_end, which are the same leg")
        return operations


def ok_alone(verdicts: tuple[str, ...]) -> tuple[str, ...]:
    """The same verdicts; refused where `ok` is not the only one."""
    if "ok" in verdicts and len(set(verdicts)) > 1:
        raise refusal("ok alone, as it means that no other verdict is given", found=", ".join(verdicts))
    return verdicts


EXPECTED, EXPECTED_TO_EXPLORE = expected_policy("expect"), expected_policy("expect_explore")
EXPECTED_TIMED, EXPECTED_RATE = expected_policy("expect_timed"), expected_policy("expect_rate")
Verdicts = Annotated[tuple[str, ...], OneOrMore(VERDICT)]
Rates = Annotated[dict[Annotated[str, VERDICT], RateFields], Field(min_length=1)]
FIELDS = ("expect", "expect_explore", "expect_timed", "expect_rate")
"""Those that say what is expected of which policy."""


class StreamLimit(Strict):
    """A limiter of phase-2 requests: so many in a window, which begins with its first request."""

    requests: Annotated[int, whole_number(1, 1_000_000)] = Field(description="How many it admits in a window")
    per: Annotated[int, positive_duration()] = Field(60_000_000, description="How long a window is")
    others: Annotated[int, whole_number(0, 1_000_000)] = Field(
        0, description="How many of them other requests of the environment take in each window"
    )

    @field_validator("others")
    @classmethod
    def _are_no_more(cls, others: int, info: ValidationInfo[Reading]) -> int:
        requests = info.data.get("requests")
        if requests is not None and others > requests:
            raise refusal(f"0 to {requests}, as requests is {requests}", found=str(others))
        return others


class Limits(Strict):
    """What production allows."""

    concurrency: Annotated[int, whole_number(1, 10_000)] = Field(
        SLOTS, description="Messages in hand at the same time, where claiming them is a step of its own"
    )
    stream: StreamLimit | None = Field(None, description="A limiter of phase-2 requests; refused ones get 429")
    request_timeout: Annotated[int | None, positive_duration()] = Field(
        None, description="How long a phase-2 request may take to arrive, such as 300 s; then it gets 408"
    )


def _faults() -> Any:
    from batchsim.scenario.schema.faults import Entry  # noqa: PLC0415 - most files have none

    return list[Entry]


FAULTS = Part(_faults)


class ScenarioFile(Strict):
    """A scenario of batchsim."""

    name: Annotated[str, TITLE] = Field(description="What reports call it")
    summary: Annotated[str, PROSE] = Field("", description="What it shows, in a sentence")
    batch: Batch = Field(description="The batch, and the call that makes it")
    items: Items = Field(default_factory=Items.model_construct, description="What the items are like")
    consumers: Annotated[int, whole_number(1, 10_000)] = Field(
        defaults.CONSUMERS, description="Consumers of the batch queue"
    )
    ingest_concurrency: Annotated[int | None, whole_number(1, 1_000)] = Field(
        None, description="Items that the endpoint handles at once; default: what the policy says"
    )
    limits: Limits = Field(default_factory=Limits.model_construct, description="What production allows")
    policies: list[Annotated[str, COMPARED_POLICY]] = Field(
        list(defaults.POLICIES),
        min_length=1,
        description="Variants to compare: names, or path/to/file.py:NAME",
    )
    verdicts: list[Annotated[str, PROPERTY]] = Field([], description="Verdicts of your own: path/to/file.py:NAME")
    latency: Latencies = Field(
        default_factory=Latencies.model_construct, description="How long operations take; round trips unless split"
    )
    faults: Annotated[list[Entry], FAULTS] = Field([], description="What goes wrong")
    seed: Annotated[int, whole_number(0, 2**64 - 1)] = Field(
        defaults.SEED, description="What all random draws of a timed run derive from"
    )
    expect: dict[Annotated[str, EXPECTED], Annotated[Verdicts, AfterValidator(ok_alone)]] = Field(
        {}, description="By policy: all verdicts of a timed run with this seed"
    )
    expect_explore: dict[Annotated[str, EXPECTED_TO_EXPLORE], Verdicts] = Field(
        {}, description="By policy: every verdict that some interleaving gives"
    )
    expect_timed: dict[Annotated[str, EXPECTED_TIMED], Verdicts] = Field(
        {}, description="By policy: every verdict that some latencies within their intervals give"
    )
    expect_rate: dict[Annotated[str, EXPECTED_RATE], Rates] = Field(
        {}, description="By policy, by verdict: in which share of timed runs it is given"
    )

    @field_validator("consumers", mode="wrap")
    @classmethod
    def _tell_those_below(
        cls, value: object, read: ValidatorFunctionWrapHandler, info: ValidationInfo[Reading]
    ) -> int:
        info.context.consumers = None
        consumers: int = read(value)
        info.context.consumers = consumers
        return consumers


class _ForEditors(GenerateJsonSchema):
    """In the models, `None` means "not given"; in a file nothing may be null. And names are enumerated."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        names = self.generate_inner(schema["keys_schema"])
        return {**super().dict_schema(schema), "propertyNames": names}

    def field_title_should_be_set(self, schema: Any) -> bool:
        has_title = schema.get("metadata", {}).get(HAS_TITLE, False)
        return not has_title and super().field_title_should_be_set(schema)

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if schema.get("default") is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


def json_schema_of(model: type[Strict]) -> dict[str, Any]:
    """The JSON Schema of a model, as editors want it."""
    return {"$schema": _ForEditors.schema_dialect, **model.model_json_schema(schema_generator=_ForEditors)}


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a scenario file of the batch, for editors."""
    from batchsim.scenario.schema.fault_values import OF_ONE_CALL  # noqa: PLC0415 - most files have no faults

    # Names of one's own in expectations need a policy of one's own.
    only_shipped = {"policies": {"not": {"contains": REFERENCE_SCHEMA}}}
    then = {field: {"propertyNames": POLICY.schema} for field in FIELDS}
    has_steps = {"properties": {"batch": {"required": ["phase_1"], "properties": {"phase_1": IS_STEPWISE}}}}
    of_phase_2 = {"properties": {"lost_response": {"properties": {"phase": {"const": 2}}}}}
    calls_again = {"properties": {"batch": {"required": ["calls"], "properties": {"calls": {"const": CALLS_MAX}}}}}
    return {
        **json_schema_of(ScenarioFile),
        "title": "batchsim scenario",
        "allOf": [
            {"if": {"properties": only_shipped}, "then": {"properties": then}},
            {"if": has_steps, "else": {"properties": {"faults": {"items": of_phase_2}}}},
            {"if": calls_again, "else": {"properties": {"faults": {"items": OF_ONE_CALL}}}},
        ],
    }
