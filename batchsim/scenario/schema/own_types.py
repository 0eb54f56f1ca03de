"""Values of types of the user's own (a dataclass, a pydantic model), read from plain data and back."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError


class Misfit(NamedTuple):
    """One thing that does not fit the type."""

    path: tuple[str | int, ...]
    is_missing: bool
    found: Any
    allowed: str
    """In pydantic's words, begun small."""


class NotOfType(Exception):
    """Plain data is none of the type; `misfits`: everything that does not fit."""

    def __init__(self, misfits: list[Misfit]) -> None:
        super().__init__("; ".join(f"{each.path}: {each.allowed}" for each in misfits))
        self.misfits = misfits


def read_as(kind: Any, plain: Any) -> Any:
    """Plain data as a value of a type; raises `NotOfType`, and whatever a check of the type itself raises."""
    try:
        return TypeAdapter(kind).validate_python(plain)
    except ValidationError as error:
        found = [
            Misfit(
                each["loc"],
                each["type"] == "missing",
                each["input"],
                f"{each['msg'][:1].lower()}{each['msg'][1:]}",
            )
            for each in error.errors(include_url=False)
        ]
        raise NotOfType(found) from None


def written_plainly(value: Any) -> Any:
    """The same value as plain data."""
    return TypeAdapter(type(value)).dump_python(value, mode="json")
