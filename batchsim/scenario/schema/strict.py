"""The base of all models."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, field_validator

from batchsim.scenario.schema.rules import refusal


class Strict(BaseModel):
    """A mapping with the keys of the model and no others; nothing in it may be left empty."""

    model_config = ConfigDict(
        defer_build=True,  # all at once, when a file is validated
        extra="forbid",
        frozen=True,
        model_title_generator=lambda model: model.__name__.removesuffix("Fields"),
    )

    @field_validator("*", mode="before")
    @classmethod
    def _is_given(cls, value: object) -> object:
        if value is None:
            raise refusal("a value, or no such key")
        return value

    def given_keys(self) -> list[str]:
        """The keys that were given, in the order of the model."""
        return [key for key in type(self).model_fields if key in self.model_fields_set]
