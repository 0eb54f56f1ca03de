"""What is wrong with a scenario, where, and what would be right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from batchsim.bad_input import BadInputError

FOUND_LENGTH_MAX = 60
PROBLEMS_SHOWN_MAX = 50


class Place(NamedTuple):
    """Where something stands; lines and columns count from 1, and an option has neither."""

    file: str
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a scenario; its text is one line for people."""

    file: str
    """The file as the caller named it, or the option (`--set batch.items=0`) that the value came from; empty: an
    argument of Python, which `field` names."""
    line: int | None
    """Counted from 1; `None` where there are no lines (an option, a missing file)."""
    column: int | None
    """Counted from 1, in characters."""
    field: str
    """Dotted path, such as `items.overrides[1].index`; empty: the whole file."""
    found: str | None
    """`None`: nothing is there, though something must be."""
    allowed: str
    hint: str = ""

    def __str__(self) -> str:
        found = "missing" if self.found is None else f"found {self.found}"
        allowed = f"allowed: {self.allowed}" if self.allowed else ""
        sentence = "; ".join(part for part in (found, allowed, self.hint) if part)
        return ": ".join(part for part in (self.position, self.field, sentence) if part)

    @property
    def position(self) -> str:
        """`file:line:column`, as far as known, in the form that editors jump to."""
        file = self.file if self.file.isprintable() else repr(self.file)
        return ":".join(str(part) for part in (file, self.line, self.column) if part is not None)

    @property
    def order(self) -> tuple[str, int, int, str]:
        """By file, then from top to bottom."""
        return (self.file, self.line or 0, self.column or 0, self.field)


class InvalidScenario(BadInputError):
    """A scenario cannot be used; `problems` holds everything that is wrong with it, sorted by position."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.order))
        super().__init__(*self.problems)

    def __str__(self) -> str:
        lines = [str(problem) for problem in self.problems[:PROBLEMS_SHOWN_MAX]]
        hidden = len(self.problems) - len(lines)
        return "\n".join([*lines, f"… and {hidden} more problems"] if hidden else lines)

    def __reduce__(self) -> tuple[type[InvalidScenario], tuple[tuple[Problem, ...]]]:
        return (InvalidScenario, (self.problems,))


def fail(place: Place, found: str, allowed: str, *, field: str = "", hint: str = "") -> NoReturn:
    """Raise `InvalidScenario` with a single problem."""
    raise InvalidScenario([Problem(*place, field, found, allowed, hint)])


def unknown(argument: str, name: str, known: Sequence[str], *further: str) -> InvalidScenario:
    """That an argument of Python names what nothing is called; `further`: what is allowed and no name."""
    from batchsim.scenario.spelling import did_you_mean  # noqa: PLC0415 - most names are right

    allowed = ", ".join((*known, *further))
    return InvalidScenario([Problem("", None, None, argument, repr(name), allowed, did_you_mean(name, known))])


def describe(value: object) -> str:
    """A value as it is called in `found …`: short, on one line, and in the words of YAML."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, str) and len(value) > FOUND_LENGTH_MAX:
        return f"{value[:FOUND_LENGTH_MAX]!r}…"
    return repr(value)
