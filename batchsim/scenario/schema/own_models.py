"""The models of a scenario that is about a system of the user's own, and its JSON Schema.

What its values have to be, pydantic says here. Which names there are, only the system itself can tell: of its
policies, verdicts, actors and operations. That is checked afterwards, by `building_own.py`.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationInfo, field_validator

from batchsim.model import faults as of_any
from batchsim.model.faults import Effect
from batchsim.model.model import Model
from batchsim.scenario import defaults
from batchsim.scenario.own_systems import OwnModel, load_model
from batchsim.scenario.schema.fault_values import EFFECT
from batchsim.scenario.schema.faults import (
    NAME,
    AnyEntry,
    At,
    AtMost,
    FaultFields,
    LostStateFields,
    Name,
    OccurringFields,
    OutageFields,
    Probability,
)
from batchsim.scenario.schema.models import FIELDS, json_schema_of, ok_alone
from batchsim.scenario.schema.rate_fields import RateFields
from batchsim.scenario.schema.references import PROPERTY, REFERENCE_SCHEMA
from batchsim.scenario.schema.rules import OneOrMore, Reading, Rule, refusal
from batchsim.scenario.schema.spreads import LATENCY, Written
from batchsim.scenario.schema.strict import Strict
from batchsim.scenario.schema.values import PROSE, TITLE, positive_duration, whole_number
from batchsim.scenario.slow import Slow
from batchsim.user_code import UserCodeError, is_reference

ITEMS_MAX = 100_000


def _read_system(value: object, reading: Reading) -> OwnModel:
    if not isinstance(value, str) or not is_reference(value):
        raise refusal(SYSTEM.allowed)
    try:
        return OwnModel(load_model(value, reading.directory), None, value, reading.directory)
    except UserCodeError as error:
        raise refusal("a Model or a System of your own", str(error)) from error


SYSTEM = Rule("path/to/file.py:NAME", _read_system, REFERENCE_SCHEMA)
Item = Annotated[int | None, whole_number(0, ITEMS_MAX), Field(description="The item that the operation is about")]
ActorName = Annotated[str | None, NAME, Field(description="worker-1, or all of a kind: worker")]


class OwnLatencies(Strict):
    """How long operations take: by group, or one by one; groups of one's own are those that classes name."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Annotated[Written, LATENCY]]
    redis: Annotated[Written | None, LATENCY] = Field(None, description="Redis commands")
    postgres: Annotated[Written | None, LATENCY] = Field(None, description="Postgres statements")
    http: Annotated[Written | None, LATENCY] = Field(None, description="HTTP calls")
    operations: dict[Name, Annotated[Written, LATENCY]] = Field(
        {}, description="By operation name, over the groups above"
    )


# -- faults ------------------------------------------------------------------------------------


class OwnCrashFields(OccurringFields):
    """An actor stops for good, in place of a step."""

    value_type = of_any.Crash
    actor: ActorName = None
    before: Annotated[str | None, NAME] = Field(None, description="The operation that it does not come to")
    item: Item = None
    at: At = None
    at_most: AtMost = None
    probability: Probability = None


class OwnStoreErrorFields(OccurringFields):
    """An operation raises."""

    value_type = of_any.StoreError
    actor: ActorName = None
    operation: Annotated[str | None, NAME] = Field(None, description="The operation that raises")
    item: Item = None
    effect: Annotated[Effect | None, EFFECT] = Field(
        None, description="Whether its effect takes place: after, or not: before"
    )
    at: At = None
    at_most: AtMost = None
    probability: Probability = None


class OwnSlowFields(FaultFields):
    """An operation takes effect later than it would: the first one in a run, or each with a probability."""

    value_type = Slow
    actor: ActorName = None
    operation: Name = Field(description="The operation that is slow")
    delay: Annotated[int, positive_duration()] = Field(description="How much later it takes effect")
    item: Item = None
    probability: Probability = None


class OwnEntry(AnyEntry):
    """A fault of any system."""

    crash: OwnCrashFields | None = None
    store_error: OwnStoreErrorFields | None = None
    slow: OwnSlowFields | None = None
    outage: OutageFields | None = None
    lost_state: LostStateFields | None = None


# -- the file ----------------------------------------------------------------------------------

Verdicts = Annotated[tuple[str, ...], OneOrMore(NAME)]


class OwnScenarioFile(Strict):
    """A scenario of a system of the user's own."""

    name: Annotated[str, TITLE] = Field(description="What reports call it")
    summary: Annotated[str, PROSE] = Field("", description="What it shows, in a sentence")
    system: Annotated[OwnModel, SYSTEM] = Field(description="What it is about: a Model, or a System")
    parameters: dict[str, Any] = Field({}, description="Those of the model")
    policies: list[Name] | None = Field(
        None,
        min_length=1,
        description="Variants to compare, by their names in the model, or path/to/file.py:NAME; default: all",
    )
    verdicts: list[Annotated[str, PROPERTY]] = Field(
        [], description="Verdicts beside the system's own: path/to/file.py:NAME"
    )
    latency: OwnLatencies = Field(
        default_factory=OwnLatencies.model_construct,
        description="How long operations take; round trips unless split",
    )
    faults: list[OwnEntry] = Field([], description="What goes wrong")
    seed: Annotated[int, whole_number(0, 2**64 - 1)] = Field(
        defaults.SEED, description="What all random draws of a timed run derive from"
    )
    expect: dict[Name, Annotated[Verdicts, AfterValidator(ok_alone)]] = Field(
        {}, description="By policy: all verdicts of a timed run with this seed"
    )
    expect_explore: dict[Name, Verdicts] = Field(
        {}, description="By policy: every verdict that some interleaving gives"
    )
    expect_timed: dict[Name, Verdicts] = Field(
        {}, description="By policy: every verdict that some latencies within their intervals give"
    )
    expect_rate: dict[Name, Annotated[dict[Name, RateFields], Field(min_length=1)]] = Field(
        {}, description="By policy, by verdict: in which share of timed runs it is given"
    )

    @field_validator("policies", mode="after")
    @classmethod
    def _each_once(cls, policies: list[str] | None, info: ValidationInfo[Reading]) -> list[str] | None:
        for name in policies or ():
            info.context.once("policy", name)
        return policies


def own_json_schema(model: Model | None = None) -> dict[str, Any]:
    """The JSON Schema of a scenario of a system of the user's own; with a model, of one of that model.

    The model gives the names of its policies, and its parameters with their types.
    """
    schema = json_schema_of(OwnScenarioFile)
    schema["title"] = "batchsim scenario of a system"
    if model is None:
        return schema
    names = {"enum": list(model.policies)}
    own = {"anyOf": [names, REFERENCE_SCHEMA]}
    schema["properties"]["policies"]["items"] = own
    for field in FIELDS:
        schema["properties"][field]["propertyNames"] = own
    if model.parameters is None:
        schema["properties"].pop("parameters")
    else:
        parameters = TypeAdapter(model.parameters).json_schema()
        schema["$defs"].update(parameters.pop("$defs", {}))
        schema["properties"]["parameters"] = {**parameters, "additionalProperties": False}
    return schema
