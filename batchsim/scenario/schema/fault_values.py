"""The kinds of values that the entries of `faults` have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from batchsim.batch.faults import BEFALLEN, CRASHING
from batchsim.batch.operations import names_befallen
from batchsim.batch.setting import CALLS_MAX
from batchsim.batch.stores import CREATION_TRIES, MAX_ATTEMPTS
from batchsim.model.faults import Effect
from batchsim.scenario.names import nameable_operations
from batchsim.scenario.schema.rules import JsonSchema, Reading, Rule, refusal
from batchsim.scenario.schema.values import choice, whole_number
from batchsim.scenario.spelling import did_you_mean

AT_MOST_MAX = 9
ATTEMPTS_MAX = MAX_ATTEMPTS * CALLS_MAX


def _read_attempt(value: object, reading: Reading) -> int:
    if type(value) is int and 1 <= value <= reading.attempts_max:
        return value
    why = ", as batch.calls is 1" if type(value) is int and MAX_ATTEMPTS < value <= ATTEMPTS_MAX else ""
    raise refusal(f"a whole number from 1 to {reading.attempts_max}{why}")


ATTEMPT = Rule(
    f"a whole number from 1 to {MAX_ATTEMPTS}, or to {ATTEMPTS_MAX} where batch.calls is 2",
    _read_attempt,
    {"type": "integer", "minimum": 1, "maximum": ATTEMPTS_MAX},
)
AT_MOST = whole_number(1, AT_MOST_MAX)
EFFECT = choice(Effect, Effect)

# -- probabilities -----------------------------------------------------------------------------

_PERCENTAGE = re.compile(r"(?P<number>[0-9]{1,3}(\.[0-9]{1,20})?) *%")
_PERCENTAGE_PATTERN = r"^(?=.*[1-9])([0-9]{1,2}(\.[0-9]{1,20})?|100(\.0{1,20})?) *%$"


def _read_probability(value: object, _reading: Reading) -> float:
    match = _PERCENTAGE.fullmatch(value) if isinstance(value, str) else None
    if match is not None:
        probability: object = float(Fraction(match["number"]) / 100)
    else:
        probability = value
    is_number = isinstance(probability, int | float) and not isinstance(probability, bool)
    if is_number and 0 < probability <= 1:  # type: ignore[operator]
        return float(probability)  # type: ignore[arg-type]
    raise refusal(PROBABILITY.allowed)


PROBABILITY = Rule(
    "a percentage above 0 % up to 100 %, such as 1%, or a number above 0 up to 1",
    _read_probability,
    {
        "anyOf": [
            {"type": "string", "pattern": _PERCENTAGE_PATTERN},
            {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        ]
    },
)

# -- actors ------------------------------------------------------------------------------------

OTHERS = tuple(kind for kind in CRASHING if kind not in ("handler", "creator", "consumer"))
_HANDLERS = (
    f"handler, creator, consumer, {', '.join(OTHERS)}, handler-1 to handler-{MAX_ATTEMPTS}, "
    f"creator-1 to creator-{CREATION_TRIES}"
)
_ACTOR = re.compile(
    rf"(handler(-(?P<attempt>[1-9]|{ATTEMPTS_MAX}))?|creator(-[1-{CREATION_TRIES}])?"
    rf"|consumer(-(?P<consumer>0|[1-9][0-9]{{0,3}}))?|run(-(?P<run>0|[1-9][0-9]{{0,5}}))?"
    rf"|{'|'.join(kind for kind in OTHERS if kind != 'run')})"
)
_OF_SECOND_CALL = "|".join(map(str, range(MAX_ATTEMPTS + 1, ATTEMPTS_MAX + 1)))
OF_ONE_CALL: JsonSchema = {
    "patternProperties": {
        "^[a-z_]+$": {
            "properties": {
                "attempt": {"maximum": MAX_ATTEMPTS},
                "actor": {"not": {"type": "string", "pattern": f"^handler-({_OF_SECOND_CALL})$"}},
            }
        }
    }
}
"""For the JSON Schema: an entry where there is one call. A fault of the user's own has the name of a file."""
_ACTOR_PATTERN = re.sub(r"\?P<[a-z]+>", "", _ACTOR.pattern)


def _read_actor(value: object, reading: Reading) -> str:
    match = _ACTOR.fullmatch(value) if isinstance(value, str) else None
    consumers, runs = reading.consumers, reading.run_count
    if match is None:
        allowed = f"{_HANDLERS}, {_numbered('consumer', consumers)}, {_numbered('run', runs)}"
        raise refusal(allowed, did_you_mean(value, (*CRASHING, "handler-1", "consumer-0")))
    if match["attempt"] and int(match["attempt"]) > reading.attempts_max:
        why = ", as batch.calls is 1" if reading.attempts_max < ATTEMPTS_MAX else ""
        raise refusal(f"handler-1 to handler-{reading.attempts_max}{why}")
    if match["consumer"] and consumers is not None and int(match["consumer"]) >= consumers:
        raise refusal(f"{_HANDLERS}, {_numbered('consumer', consumers)}, as consumers is {consumers}")
    if match["run"] and runs is not None and int(match["run"]) >= runs:
        raise refusal(f"{_HANDLERS}, {_numbered('run', runs)}, as batch.items is {runs}")
    return match[0]


def _numbered(kind: str, count: int | None) -> str:
    """The names of so many: `run-0 to run-2`; of how many it is not known, `run-0, run-1, …`."""
    if count is None:
        return f"{kind}-0, {kind}-1, …"
    return f"{kind}-0 to {kind}-{count - 1}" if count > 1 else f"{kind}-0"


ACTOR = Rule(
    f"{_HANDLERS}, {_numbered('consumer', None)}, {_numbered('run', None)}",
    _read_actor,
    {"type": "string", "pattern": f"^{_ACTOR_PATTERN}$"},
)


def _read_raising(value: object, reading: Reading) -> str:
    if value == "sdk":
        raise refusal(RAISING.allowed, "the process of the SDK can only crash")
    return _read_actor(value, reading)


RAISING = Rule(
    ACTOR.allowed.replace("sdk, ", ""),
    _read_raising,
    {"type": "string", "pattern": str(ACTOR.schema["pattern"]).replace("|sdk", "")},
)

# -- operations --------------------------------------------------------------------------------

OPERATIONS_OF_KIND = {kind: names_befallen(kind) for kind in CRASHING}


@dataclass(frozen=True, slots=True, eq=False)
class OperationOfActor:
    """The name of an operation: one that the field `actor` above it does, if there is one."""

    names: tuple[str, ...]
    """Those of all actors."""

    @property
    def allowed(self) -> str:
        """What follows `allowed:` in a message."""
        return ", ".join(self.names)

    def __get_pydantic_core_schema__(self, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(self._read)

    def __get_pydantic_json_schema__(self, _core: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchema:
        return {"enum": list(self.names)}

    def _read(self, value: object, info: ValidationInfo[Reading]) -> object:
        if "actor" not in info.data:
            return value  # the actor is wrong, which is told; what it could do is not known
        kind = str(info.data.get("actor")).partition("-")[0]
        if kind not in OPERATIONS_OF_KIND:
            return choice(self.names).read(value, info.context)
        known = OPERATIONS_OF_KIND[kind]
        if value not in known:
            raise refusal(f"what a {kind} does: {', '.join(known)}", did_you_mean(value, known))
        return value


def narrowed_by_actor(key: str) -> list[Any]:
    """The JSON Schema of what `OperationOfActor` demands in the field `key`."""
    return [
        {
            "if": {"required": ["actor"], "properties": {"actor": {"type": "string", "pattern": f"^{kind}"}}},
            "then": {"properties": {key: {"enum": list(names)}}},
        }
        for kind, names in OPERATIONS_OF_KIND.items()
    ]


CRASHABLE = OperationOfActor(names_befallen(*CRASHING))
BREAKABLE = OperationOfActor(names_befallen(*BEFALLEN))
SLOWABLE = OperationOfActor(nameable_operations())
