"""From a tree to a valid model, or to every problem that the tree has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from batchsim.scenario.problems import InvalidScenario, Problem, describe, fail
from batchsim.scenario.schema.models import ScenarioFile
from batchsim.scenario.schema.parts import Part
from batchsim.scenario.schema.rules import Reading
from batchsim.scenario.schema.spreads import DurationOr
from batchsim.scenario.schema.strict import Strict
from batchsim.scenario.spelling import did_you_mean
from batchsim.scenario.tree import Node, dotted, nearest_node, plain
from batchsim.scenario.tree import Path as TreePath

if TYPE_CHECKING:
    from batchsim.scenario.schema.own_models import OwnScenarioFile

M = TypeVar("M", bound=Strict)
Fields = Mapping[str, FieldInfo]


def is_own(root: Node) -> bool:
    """Whether a tree is a scenario of a system of the user's own."""
    return isinstance(root.value, dict) and "system" in root.value


def validated(
    root: Node, directory: Path, problems: Iterable[Problem] = (), policies: Iterable[str] | None = None
) -> ScenarioFile:
    """The model of a tree; raises `InvalidScenario` with all its problems, and those found before.

    `policies`: names of the user's own among policies that are compared instead of those of the tree.
    """
    return _validated(ScenarioFile, root, directory, problems, policies)


def validated_own(root: Node, directory: Path, problems: Iterable[Problem] = ()) -> OwnScenarioFile:
    """Likewise, of a scenario of a system of the user's own."""
    # Start-up is felt: most scenarios are about the batch.
    from batchsim.scenario.schema.own_models import OwnScenarioFile  # noqa: PLC0415

    return _validated(OwnScenarioFile, root, directory, problems, None)


def _validated(
    kind: type[M], root: Node, directory: Path, problems: Iterable[Problem], policies: Iterable[str] | None
) -> M:
    _refuse_what_is_no_scenario(root)
    found = list(problems)
    reading = Reading(directory, policies_given=None if policies is None else frozenset(policies))
    try:
        model = kind.model_validate(plain(root), context=reading)
    except ValidationError as error:
        found += [_problem(each, root, kind) for each in error.errors(include_url=False)]
        raise InvalidScenario(found) from None
    if found:
        raise InvalidScenario(found)
    return model


_OF_WITNESSES = {"schema", "scenario", "policy", "steps"}
"""Keys that each witness has, and no scenario."""


def _refuse_what_is_no_scenario(root: Node) -> None:
    """A file without a single key of a scenario is another file, maybe a secret one: nothing of it is told."""
    value = root.value
    if isinstance(value, dict) and value.keys() >= _OF_WITNESSES:
        fail(root.place, "a witness", "a scenario", hint="a witness is run by `batchsim replay FILE`")
    if isinstance(value, list) or (
        isinstance(value, dict) and (not value or value.keys() & {*ScenarioFile.model_fields, "system"})
    ):
        return
    found = "a mapping with none of the keys of a scenario" if isinstance(value, dict) else "no mapping"
    fail(root.place, found, _mapping_with(ScenarioFile.model_fields))


def _problem(error: ErrorDetails, root: Node, kind: type[Strict]) -> Problem:
    path = error["loc"]
    # Pydantic marks what is wrong with a key of a mapping, not with its value.
    is_key = path[-1:] == ("[key]",) or error["type"] == "extra_forbidden"
    path = path[:-1] if path[-1:] == ("[key]",) else path
    if error["type"] == "refused_elsewhere":
        elsewhere: Problem = error["ctx"]["problem"]
        return replace(elsewhere, field=dotted(path))
    node = nearest_node(root, path)
    place = node.key_place if is_key and node.key_place else node.place
    return Problem(*place, dotted(path), *_sentence(error, path, kind))


def _sentence(error: ErrorDetails, path: TreePath, kind: type[Strict]) -> tuple[str | None, str, str]:
    """What was found (`None`: nothing), what is allowed, and a hint."""
    details = error.get("ctx", {})
    found, allowed, hint = describe(error["input"]), "", ""
    match error["type"]:
        case "missing":
            hint = "a scenario of a system of your own has `system` instead" if path == ("batch",) else ""
            return None, _allowed_in(_fields_at(path[:-1], kind)[str(path[-1])]), hint
        case "extra_forbidden":
            known = _fields_at(path[:-1], kind)
            found, allowed = f"the unknown key {describe(path[-1])}", ", ".join(known)
            # With `system` it would be another kind of file, whose fields are others.
            others = ("system",) if len(path) == 1 else ()
            hint = below_operations(path) or did_you_mean(path[-1], (*known, *others))
        case "too_short" | "too_long":
            found, allowed = _values(details["actual_length"]), _length(details)
        case "list_type":
            allowed = "a list"
        case "dict_type":
            allowed = "a mapping"
        case "model_type":
            allowed = _mapping_with(_fields_at(path, kind))
        case _:
            found, allowed, hint = details["found"] or found, details["allowed"], details["hint"]
    return found, allowed, hint


def below_operations(path: TreePath) -> str:
    """The hint that an operation's latency stands one level deeper; empty: this is no such key."""
    is_one = len(path) == 2 and path[0] == "latency" and "." in str(path[1])
    return "put it below latency.operations" if is_one else ""


def _values(count: int) -> str:
    return f"{count} value{'s' * (count != 1)}"


def _length(limits: Mapping[str, int]) -> str:
    # Lists have one value at least, or exactly so many.
    limit = limits["max_length"] if "max_length" in limits else limits["min_length"]
    return f"at least {_values(limit)}" if limit == 1 else _values(limit)


def _mapping_with(fields: Fields) -> str:
    return f"a mapping with {', '.join(fields)}"


def _allowed_in(field: FieldInfo) -> str:
    rules = (mark.allowed for mark in field.metadata if hasattr(mark, "allowed"))
    model = _model_in((field.annotation,))
    return next(rules, _mapping_with(model.model_fields) if model else "")


def _fields_at(path: TreePath, kind: type[Strict]) -> Fields:
    """The keys that are known at a path; positions in lists and names in open mappings lead no deeper."""
    fields: Fields = kind.model_fields
    for step in path:
        field = fields.get(str(step))
        model = _model_in((*field.metadata, field.annotation)) if field else None
        fields = model.model_fields if model else fields
    return {name: field for name, field in fields.items() if not field.exclude}


def _model_in(parts: Iterable[Any]) -> type[BaseModel] | None:
    """The first model in an annotation: `list[Override]` → `Override`."""
    return next(_models_in(parts), None)


def _models_in(parts: Iterable[Any]) -> Iterator[type[BaseModel]]:
    for part in parts:
        if isinstance(part, DurationOr):
            yield part.fields
        elif isinstance(part, Part):
            yield from _models_in((part.kind(),))
        elif isinstance(part, type) and issubclass(part, BaseModel):
            yield part
        else:
            yield from _models_in(get_args(part))
