"""The model of how often a verdict is expected: `{at_least: 50 %, at_most: 80 %}`."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from batchsim.scenario.rates import RateLimit
from batchsim.scenario.schema.rules import Reading, Rule, refusal
from batchsim.scenario.schema.strict import Strict

_PATTERN = r"^(100|[0-9]{1,2}(\.[0-9]{1,9})?) *%$"
_ALLOWED = "a percentage from 0 % to 100 %, such as 0.5 %"


def _read(value: object, _reading: Reading) -> float:
    if not isinstance(value, str) or not re.fullmatch(_PATTERN, value.strip()):
        hint = "add a percent sign" if isinstance(value, int | float) and not isinstance(value, bool) else ""
        raise refusal(_ALLOWED, hint)
    return float(value.strip().removesuffix("%")) / 100


PERCENTAGE = Rule(_ALLOWED, _read, {"type": "string", "pattern": _PATTERN})


class RateFields(Strict):
    """In which share of timed runs a verdict is given."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    at_least: Annotated[float | None, PERCENTAGE] = Field(None, description="The lowest share")
    at_most: Annotated[float | None, PERCENTAGE] = Field(None, description="The highest share")

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if not self.model_fields_set:
            raise refusal("at_least, at_most, or both", found="an empty mapping")
        limit = self.limit()
        if limit.at_least > limit.at_most:
            raise refusal("at_least below at_most", found=str(limit))
        return self

    def limit(self) -> RateLimit:
        """As plain data."""
        return RateLimit(self.at_least or 0.0, 1.0 if self.at_most is None else self.at_most)
