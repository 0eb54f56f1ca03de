"""Parts of a scenario that most files have none of: their models are made, and built, where a file has one.

That takes a large part of a short command. Pydantic would build all models of a file at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from batchsim.scenario.schema.rules import JsonSchema, Reading

HAS_TITLE = "has_title"
"""In the metadata of a schema: whether what it stands for brings a title, and needs none of the field's."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Stands in the annotation of a field: its values are of the type that `kind` gives, which may import it."""

    kind: Callable[[], Any]

    def __get_pydantic_core_schema__(self, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(self._read)

    def __get_pydantic_json_schema__(self, _core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        return handler(schema_of_many(self.kind()))

    def _read(self, value: object, info: ValidationInfo[Reading]) -> Any:
        return TypeAdapter(self.kind()).validate_python(value, context=info.context)


@cache
def schema_of_many(kind: Any) -> CoreSchema:
    """The schema of a type whose models have definitions of their own, as if it stood in several places."""
    many = TypeAdapter(tuple[kind, kind]).core_schema
    assert many["type"] == "definitions"
    assert many["schema"]["type"] == "tuple"
    return core_schema.definitions_schema(many["schema"]["items_schema"][0], many["definitions"])
