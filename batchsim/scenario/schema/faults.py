"""The models of the entries of `faults`: each a mapping with one key, which names the fault."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, ClassVar, Self

from pydantic import ConfigDict, Field, PrivateAttr, ValidationInfo, model_validator

from batchsim.batch import faults
from batchsim.batch.stores import STATE_KEYS
from batchsim.model.faults import Effect, Fault, LostState, Outage, ServiceFault, SlowOutage
from batchsim.model.injection import matching
from batchsim.scenario.own_faults import read_own_fault
from batchsim.scenario.schema.fault_values import (
    ACTOR,
    AT_MOST,
    ATTEMPT,
    BREAKABLE,
    CRASHABLE,
    EFFECT,
    PROBABILITY,
    RAISING,
    SLOWABLE,
    narrowed_by_actor,
)
from batchsim.scenario.schema.rules import JsonSchema, OneOrMore, Reading, Rule, refusal
from batchsim.scenario.schema.strict import Strict
from batchsim.scenario.schema.values import POSITION, choice, duration, positive_duration, whole_number
from batchsim.scenario.slow import Slow
from batchsim.scenario.spelling import did_you_mean
from batchsim.user_code import REFERENCE_PATTERN, UserCodeError, is_reference


def _read_name(value: object, _reading: Reading) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise refusal(NAME.allowed)
    return value


NAME = Rule("a name", _read_name, {"type": "string", "minLength": 1})
Name = Annotated[str, NAME]

WAYS = ("at", "at_most", "probability")
"""How a fault comes about, apart from being pinned to a place: at most one of them."""
UNIT_OF = {"at": "at_us", "delay": "delay_us", "lasts": "lasts_us"}

Attempt = Annotated[int | None, ATTEMPT, Field(description="The phase-2 request, counted from 1")]
Try = Annotated[int | None, ATTEMPT, Field(description="The request of its phase, counted from 1")]
ItemIndex = Annotated[int | None, POSITION, Field(description="The item that the operation is about")]
ActorName = Annotated[str | None, ACTOR, Field(description="handler-1, consumer-0, or all: handler, consumer")]
RaisingName = Annotated[str | None, RAISING, Field(description="handler-1, consumer-0, or all: handler, consumer")]
At = Annotated[int | None, duration(), Field(description="In a timed run: the first moment from then on")]
AtMost = Annotated[int | None, AT_MOST, Field(description="A budget, for exploration: anywhere, so often")]
Probability = Annotated[
    float | None, PROBABILITY, Field(description="For timed runs: of each opportunity, such as 1%")
]


class FaultFields(Strict):
    """What all faults have in common."""

    value_type: ClassVar[type[Fault] | type[Slow]]

    def value(self) -> Fault | Slow:
        """The same as plain data."""
        given: dict[str, Any] = {UNIT_OF.get(key, key): getattr(self, key) for key in self.model_fields_set}
        return self.value_type(**given)


def _exclusive(*rules: JsonSchema) -> ConfigDict:
    pairs = [[one, other] for number, one in enumerate(WAYS) for other in WAYS[number + 1 :]]
    schema: JsonSchema = {"minProperties": 1, "not": {"anyOf": [{"required": pair} for pair in pairs]}}
    return ConfigDict(json_schema_extra=schema | ({"allOf": list(rules)} if rules else {}))


class OccurringFields(FaultFields):
    """A fault that is pinned, or a budget, or a probability."""

    model_config = _exclusive()

    @model_validator(mode="after")
    def _occurs_in_one_way(self) -> Self:
        keys = type(self).model_fields
        given = [way for way in WAYS if way in self.model_fields_set]
        if len(given) > 1:
            raise refusal(f"one of {', '.join(way for way in WAYS if way in keys)}", found=" and ".join(given))
        if not self.model_fields_set:
            pins = ", ".join(key for key in keys if key not in ("at_most", "probability"))
            raise refusal(f"what pins it ({pins}), or at_most, or probability", found="an empty mapping")
        return self


def _read_phase(value: object, reading: Reading) -> int:
    if type(value) is not int or value not in (1, 2):
        raise refusal(PHASE.allowed)
    if value == 1 and not reading.is_stepwise:
        raise refusal("1 where batch.phase_1 is stepwise, or 2", "otherwise phase 1 is over at the beginning")
    return value


PHASE = Rule("1 or 2", _read_phase, {"enum": [1, 2]})


class LostResponseFields(OccurringFields):
    """The connection drops when the handler has finished: the SDK gets no answer."""

    value_type = faults.LostResponse
    phase: Annotated[int, PHASE] = Field(2, description="Which request it answers: 1 is POST /batches")
    attempt: Try = None
    at_most: AtMost = None
    probability: Probability = None


class DisconnectFields(OccurringFields):
    """The connection drops while the handler works, which goes on."""

    value_type = faults.Disconnect
    attempt: Attempt = None
    at: At = None
    at_most: AtMost = None
    probability: Probability = None


class CutFields(OccurringFields):
    """The connection drops when only the first items have arrived."""

    value_type = faults.Cut
    attempt: Attempt = None
    after_items: Annotated[int | None, POSITION] = Field(None, description="How many items have arrived")
    at_most: AtMost = None
    probability: Probability = None


class RedeliverFields(OccurringFields):
    """The visibility timeout passes while the message of an item is in flight."""

    value_type = faults.Redeliver
    item: ItemIndex = None
    at: At = None
    at_most: AtMost = None
    probability: Probability = None


class CrashFields(OccurringFields):
    """An actor stops in place of a step: for good, or until another one takes its place."""

    model_config = _exclusive(*narrowed_by_actor("before"))
    value_type = faults.Crash
    actor: ActorName = None
    before: Annotated[str | None, CRASHABLE] = Field(None, description="The operation that it does not come to")
    item: ItemIndex = None
    at: At = None
    at_most: AtMost = None
    probability: Probability = None


class StoreErrorFields(OccurringFields):
    """An operation of an actor raises."""

    model_config = _exclusive(*narrowed_by_actor("operation"))
    value_type = faults.StoreError
    actor: RaisingName = None
    operation: Annotated[str | None, BREAKABLE] = Field(None, description="The operation that raises")
    item: ItemIndex = None
    effect: Annotated[Effect | None, EFFECT] = Field(
        None, description="Whether its effect takes place: after, or not: before"
    )
    at: At = None
    at_most: AtMost = None
    probability: Probability = None


class OutageFields(OccurringFields):
    """For a while, all operations of a group raise; with a delay they are slow instead."""

    value_type = Outage
    group: Name = Field(description="What the names of its operations begin with: redis, postgres, http, …")
    at: Annotated[int | None, duration()] = Field(None, description="In a timed run: when it begins")
    lasts: Annotated[int | None, positive_duration()] = Field(None, description="In a timed run: how long")
    delay: Annotated[int | None, positive_duration()] = Field(
        None, description="They do not raise: each takes effect so much later"
    )
    at_most: Annotated[int | None, AT_MOST] = Field(None, description="A budget, for exploration")
    probability: Annotated[float | None, PROBABILITY] = Field(None, description="For timed runs: of each run")

    def value(self) -> Fault:
        """The same as plain data."""
        given = {UNIT_OF.get(key, key): getattr(self, key) for key in self.model_fields_set}
        return (Outage if self.delay is None else SlowOutage)(**given)


class LostStateFields(OccurringFields):
    """Keys of a store vanish, or are what they were before the last writes."""

    value_type = LostState
    keys: Annotated[tuple[str, ...], OneOrMore(NAME)] = Field(description="Names of cells; * is any characters")
    last_writes: Annotated[int | None, whole_number(1, 9)] = Field(
        None, description="How many writes of these keys are undone; without it the keys vanish"
    )
    at: Annotated[int | None, duration()] = Field(None, description="In a timed run: when")
    at_most: Annotated[int | None, AT_MOST] = Field(None, description="A budget, for exploration")
    probability: Annotated[float | None, PROBABILITY] = Field(None, description="For timed runs: of each run")


GROUPS = choice(("redis", "postgres"))
SERVICES = {"redis": ("queue", "run_queue", "jobs"), "postgres": ()}
"""What else is on the servers of a group: the queue and the jobs are kept in Redis."""


class BatchOutageFields(OutageFields):
    """For a while, all that is asked of a group raises; with a delay it is slow instead."""

    group: Annotated[str, GROUPS] = Field(description="The servers that fail")

    def value(self) -> Fault:
        """The same as plain data, with all that is on these servers."""
        found = super().value()
        assert isinstance(found, ServiceFault)
        return replace(found, services=SERVICES[self.group])


def _read_keys(value: object, _reading: Reading) -> str:
    if not isinstance(value, str) or not matching((value,), STATE_KEYS):
        raise refusal(f"{', '.join(STATE_KEYS)}; * stands for any characters", did_you_mean(value, STATE_KEYS))
    return value


KEYS = Rule("keys of the batch in Redis", _read_keys, {"type": "string", "minLength": 1})


class BatchLostStateFields(LostStateFields):
    """Keys of the batch in Redis vanish, or are what they were before the last writes."""

    keys: Annotated[tuple[str, ...], OneOrMore(KEYS)] = Field(description="Keys; * is any characters")


class SlowFields(FaultFields):
    """An operation takes effect later than it would: the first one in a run, or each with a probability."""

    model_config = ConfigDict(json_schema_extra={"allOf": narrowed_by_actor("operation")})
    value_type = Slow
    actor: ActorName = None
    operation: Annotated[str, SLOWABLE] = Field(description="The operation that is slow")
    delay: Annotated[int, positive_duration()] = Field(description="How much later it takes effect")
    item: ItemIndex = None
    attempt: Attempt = None
    probability: Probability = None


def exactly_one(schema: JsonSchema) -> None:
    """For the JSON Schema: an entry has one key, which may be a fault of the user's own."""
    schema["properties"].pop("own_fault")
    known = [{"required": [key]} for key in schema["properties"]]
    schema["patternProperties"] = {REFERENCE_PATTERN: {"type": "object"}}
    schema["anyOf"] = [*known, {"propertyNames": {"pattern": REFERENCE_PATTERN}}]
    schema["minProperties"] = schema["maxProperties"] = 1


class AnyEntry(Strict):
    """A fault, by its name; one of the user's own by where it is: path/to/file.py:NAME."""

    model_config = ConfigDict(title="Fault", json_schema_extra=exactly_one)

    own_fault: dict[str, Any] = Field({}, exclude=True)
    """The entry of a fault of the user's own."""
    _own: Fault | None = PrivateAttr(None)

    @model_validator(mode="before")
    @classmethod
    def _with_own(cls, value: object) -> object:
        if not isinstance(value, dict) or not any(map(is_reference, value)):
            return value
        own = {key: each for key, each in value.items() if is_reference(key)}
        return {**{key: each for key, each in value.items() if key not in own}, "own_fault": own}

    @model_validator(mode="after")
    def _is_one(self, info: ValidationInfo[Reading]) -> Self:
        given = [*(key for key in self.given_keys() if key != "own_fault"), *self.own_fault]
        if len(given) != 1 or not all(map(is_reference, self.own_fault)):
            found = " and ".join(given) or "an empty mapping"
            known = [key for key in type(self).model_fields if key != "own_fault"]
            raise refusal(f"one of {', '.join(known)}, path/to/file.py:NAME", found=found)
        for reference, fields in self.own_fault.items():
            try:
                self._own = read_own_fault(reference, fields, info.context.directory)
            except UserCodeError as error:
                raise refusal("a fault of your own", str(error), found=reference) from error
        return self

    def value(self) -> Fault | Slow:
        """The one that was given, as plain data."""
        if self._own is not None:
            return self._own
        (kind,) = self.model_fields_set
        fields: FaultFields = getattr(self, kind)
        return fields.value()


OF_EITHER_BATCH = ("handler", "sdk", "job", "reaper", "run")
"""Who can be befallen where there may be two batches: who works for one of them alone, and the SDK."""
TWO_BATCHES = (
    "lost_response, disconnect, cut, slow, or what befalls a handler, the sdk, a job, a reaper or a run, where "
    "batch.calls is 2 and there is no batch.idempotency_key"
)


class Entry(AnyEntry):
    """A fault of the batch."""

    @model_validator(mode="after")
    def _is_for_two_batches(self, info: ValidationInfo[Reading]) -> Self:
        if not info.context.has_second_batch or self.own_fault:
            return self
        (kind,) = self.given_keys()
        actor = str(getattr(getattr(self, kind), "actor", None)).partition("-")[0]
        if kind in ("redeliver", "outage", "lost_state") or (
            kind in ("crash", "store_error") and actor not in OF_EITHER_BATCH
        ):
            of_whom = (
                f" of {'any actor' if actor == 'None' else actor}" if kind in ("crash", "store_error") else ""
            )
            raise refusal(TWO_BATCHES, found=f"{kind}{of_whom}")
        return self

    lost_response: LostResponseFields | None = None
    disconnect: DisconnectFields | None = None
    cut: CutFields | None = None
    redeliver: RedeliverFields | None = None
    crash: CrashFields | None = None
    store_error: StoreErrorFields | None = None
    slow: SlowFields | None = None
    outage: BatchOutageFields | None = None
    lost_state: BatchLostStateFields | None = None
