"""A timed run: its steps, each with its times and with what it changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

from batchsim.html_table import html_table
from batchsim.model.cells import Key
from batchsim.model.changes import Change, Notes, changes_in, keys_in
from batchsim.model.operation import Operation, Raised


class Step(NamedTuple):
    """One operation of one actor, from its issue to its answer."""

    number: int
    """Its place in the order of effects, from 0."""
    actor: str
    operation: Operation[Any]
    answer: Any
    issued_us: int
    at_us: int
    """The instant of effect."""
    answered_us: int
    after: int | None
    """The step whose answer let the actor issue it; `None`: the start."""
    woken_by: int | None
    """The step whose effect it waited for, where it waited."""
    alternative: str | None = None
    """Which of its ways it took; `None`: the usual one."""
    written: Notes = ()
    """What it wrote; read it as `changes`."""

    @property
    def changes(self) -> tuple[Change, ...]:
        """The cells that it wrote or deleted, with what was there before and after.

        What an actor returns at its last step (the answer to a request) is put into its cell later, by no step.
        """
        return tuple(changes_in(self.written))

    @property
    def keys_written(self) -> tuple[Key, ...]:
        """The keys of these cells."""
        return keys_in(self.written)

    def change_of(self, key: Key) -> Change | None:
        """What it did to a cell; `None`: it did not write it."""
        if key not in self.written:
            return None
        return next((change for change in changes_in(self.written) if change.key == key), None)

    def deletes(self, key: Key) -> bool:
        """Whether it deleted a cell that was there."""
        change = self.change_of(key)
        return change is not None and change.deletes

    @property
    def name(self) -> str:
        """The name of the operation."""
        return self.operation.name

    @property
    def description(self) -> str:
        """The answer in a few words."""
        return self.operation.tell(self.answer)

    @property
    def raised(self) -> Raised | None:
        """What it raised in place of an answer, if it did."""
        return self.answer if isinstance(self.answer, Raised) else None

    @property
    def took_effect(self) -> bool:
        """Whether its store did what it was asked for."""
        return self.raised is None or self.raised.took_effect

    @property
    def effect(self) -> Any:
        """What its store answered, be it that nobody heard it; `None` where it did nothing."""
        return self.answer if self.raised is None else self.raised.answer


step_of: Callable[[tuple[Any, ...]], Step] = partial(tuple.__new__, Step)
"""A step of its fields, all of them in order: there are very many."""


def html_of_steps(caption: str, steps: Sequence[Step]) -> str:
    """Steps as a notebook shows them."""
    rows = (
        (step.number + 1, f"{step.at_us / 1000:,.3f}", step.actor, step.name, step.description) for step in steps
    )
    return html_table(caption, ("step", "at (ms)", "actor", "operation", "answer"), rows)


class Wait(NamedTuple):
    """Somebody waited for something that is no step."""

    actor: str
    name: str
    from_us: int
    to_us: int


class AnyRun(Protocol):
    """A run, whatever it is told as."""

    @property
    def steps(self) -> Sequence[Step]:
        """In the order of effects."""

    @property
    def waits(self) -> Sequence[Wait]:
        """What somebody waited for that is no step."""


class Run(NamedTuple):
    """What the timed engine saw of a run."""

    seed: int
    outcome: Any
    noted: tuple[Step, ...]
    """The steps that the system is told by (`System.noted`), in the order of effects."""
    ended_us: int
    """The instant of the last effect."""
    steps: Sequence[Step]
    """In the order of effects; those that were kept."""
    faults: tuple[int, ...]
    """How often each fault of the scenario happened, in the order of `Scenario.faults`."""

    @property
    def waits(self) -> Sequence[Wait]:
        """What somebody waited for that is no step: nothing."""
        return ()

    def _repr_html_(self) -> str:
        """As a notebook shows it."""
        return html_of_steps(f"seed {self.seed}: {len(self.steps):,} steps", self.steps)
