"""What a step changes: cells that note what is written, with what was there before.

A value is noted as it is. A collection, which is changed in place, writes a *journal*; what is noted of it is how
long the journal was. So noting takes the same short time however large a collection is, and the collection as it
was is made when somebody asks for it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping
from functools import wraps
from typing import Any, NamedTuple, TypeVar

from batchsim.model.cells import Cells, GuardedCells, Key, freeze, thaw

T = TypeVar("T")
C = TypeVar("C", bound=type)


class Change:
    """A cell that a step wrote or deleted; `before` and `after` are equal where it wrote what was there."""

    __slots__ = ("_after", "_before", "key")

    def __init__(self, key: Key, before: Seen, after: Seen) -> None:
        self.key = key
        self._before = before
        self._after = after

    @property
    def before(self) -> Any:
        """The value before the step, frozen; `None`: the cell was absent."""
        return self._before.value()

    @property
    def after(self) -> Any:
        """The value after the step, frozen; `None`: the cell is absent."""
        return self._after.value()

    @property
    def creates(self) -> bool:
        """Whether the cell was absent before, and is there now."""
        return self._before.held is None and self._after.held is not None

    @property
    def deletes(self) -> bool:
        """Whether the cell was there before, and is absent now."""
        return self._before.held is not None and self._after.held is None

    def __repr__(self) -> str:
        return f"Change({self.key!r}, {self.before!r} -> {self.after!r})"


class Seen(NamedTuple):
    """What a cell held at one moment."""

    held: Any
    """The value, or the journal of the collection; `None`: nothing."""
    length: int
    """How long the journal was."""

    def value(self) -> Any:
        """The value, frozen."""
        return self.held.value(self.length) if isinstance(self.held, Journal) else self.held


Notes = tuple[Any, ...]
"""What a step wrote: of each cell its key, what was held before and after, and how long journals were.

It is flat, as there is one for every step of a run.
"""
_OF_EACH = 5


def keys_in(notes: Notes) -> tuple[Key, ...]:
    """The keys of the cells that notes tell of."""
    return notes[::_OF_EACH]


def changes_in(notes: Notes) -> Iterator[Change]:
    """The changes that notes tell of, in the order in which cells were first written."""
    for place in range(0, len(notes), _OF_EACH):
        key, before, before_length, after, after_length = notes[place : place + _OF_EACH]
        yield Change(key, Seen(before, before_length), Seen(after, after_length))


# -- collections -------------------------------------------------------------------------------


class Journal:
    """What a collection held at first, and every change that was made to it since."""

    __slots__ = ("arguments", "first", "methods")

    def __init__(self, first: Hashable) -> None:
        self.first = first
        self.methods: list[str] = []
        """What was called; without a name, the whole value was noted."""
        self.arguments: list[tuple[Any, ...]] = []

    def note(self, method: str, *arguments: Any) -> None:
        """One more change."""
        self.methods.append(method)
        self.arguments.append(arguments)

    def value(self, length: int) -> Hashable:
        """The collection after so many changes, frozen."""
        collection = thaw(self.first)
        for method, arguments in zip(self.methods[:length], self.arguments, strict=False):
            if method:
                getattr(collection, method)(*arguments)
            else:
                (whole,) = arguments
                collection = thaw(whole)
        return freeze(collection)

    def has_changed(self, earlier: int, later: int) -> bool:
        """Whether the value is another one after more changes."""
        # One is a change; of several, one may take back what another did.
        return later == earlier + 1 or (later != earlier and self.value(later) != self.value(earlier))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Journal):
            return NotImplemented
        return (self.first, self.methods, self.arguments) == (other.first, other.methods, other.arguments)

    def __hash__(self) -> int:
        # It grows, and steps are hashed by what they hold.
        return 0

    def __repr__(self) -> str:
        return f"Journal({self.first!r}, of {len(self.methods)})"


def _journaled(*rest: str) -> Callable[[C], C]:
    """A class of collections that write a journal; by `rest`, methods after which the whole value is noted.

    Its own methods, those that the stores use, note what they do, and only where it changes something.
    """

    def complete(journaled: C) -> C:
        for method in rest:
            setattr(journaled, method, _noting_whole(getattr(journaled, method)))
        return journaled

    return complete


def _noting_whole(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def noting(self: Any, *arguments: Any, **named: Any) -> Any:
        before = freeze(self)
        answer = method(self, *arguments, **named)
        after = freeze(self)
        if after != before:
            self.journal.note("", after)
        return answer

    return noting


@_journaled(
    "discard", "remove", "clear", "pop", "update", "difference_update", "intersection_update",
    "symmetric_difference_update", "__iand__", "__ior__", "__isub__", "__ixor__",
)  # fmt: skip
class _Set(set[Any]):
    __slots__ = ("journal",)
    journal: Journal

    def add(self, member: Any) -> None:
        if member not in self:
            set.add(self, member)
            self.journal.note("add", member)


@_journaled("__delitem__", "clear", "pop", "popitem", "setdefault", "update", "__ior__")
class _SortedSet(dict[Any, Any]):
    __slots__ = ("journal",)
    journal: Journal

    def __setitem__(self, member: Any, score: Any) -> None:
        if member not in self or self[member] != score:
            dict.__setitem__(self, member, score)
            self.journal.note("__setitem__", member, score)


@_journaled(
    "clear", "extend", "insert", "pop", "remove", "reverse", "sort", "__setitem__", "__delitem__",
    "__iadd__", "__imul__",
)  # fmt: skip
class _List(list[Any]):
    __slots__ = ("journal",)
    journal: Journal

    def append(self, element: Any) -> None:
        list.append(self, element)
        self.journal.note("append", element)


@_journaled(
    "appendleft", "clear", "extend", "extendleft", "insert", "pop", "popleft", "reverse", "rotate",
    "__setitem__", "__delitem__", "__iadd__", "__imul__",
)  # fmt: skip
class _Queue(deque[Any]):
    __slots__ = ("journal",)
    journal: Journal

    def append(self, element: Any) -> None:
        deque.append(self, element)
        self.journal.note("append", element)

    def remove(self, element: Any) -> None:
        deque.remove(self, element)
        self.journal.note("remove", element)


_JOURNALED: dict[type, type[Any]] = {set: _Set, dict: _SortedSet, list: _List, deque: _Queue}
_WITH_JOURNAL = frozenset(_JOURNALED.values())


def _with_journal(value: Any) -> Any:
    """A collection like this one that writes a journal; any other value as it is."""
    kind = _JOURNALED.get(value.__class__)
    if kind is None:
        return value
    collection = kind(value)
    collection.journal = Journal(freeze(value))
    return collection


# -- cells -------------------------------------------------------------------------------------


class RecordedCells(Cells):
    """Cells that note what is written, until somebody takes it."""

    # Without slots, so that cells can be guarded, too.

    def __init__(self, cells: Mapping[Key, Any]) -> None:
        super().__init__(cells)
        self._before: dict[Key, Any] = {}
        """What was held, of the cells that may have been written since notes were taken."""
        self._lengths: dict[Key, int] = {}
        """Of those that held a collection, how long its journal was."""

    def modify(self, key: Key, empty: Callable[[], T]) -> T:
        """As in `Cells`; what is then changed in place is noted."""
        there = dict.get(self, key)
        value: Any = super().modify(key, empty)
        collection = _with_journal(value)
        if collection is not value:
            value = collection
            dict.__setitem__(self, key, value)
        if key not in self._before:
            if there is None:
                self._before[key] = None
            elif value.__class__ in _WITH_JOURNAL:
                self._note(key, value)
        return value  # type: ignore[no-any-return]

    def write(self, key: Key, value: Hashable) -> None:
        """As in `Cells`; noted, be it the same value again."""
        if key not in self._before:
            self._note(key, dict.get(self, key))
        super().write(key, value)

    def delete(self, key: Key) -> bool:
        """As in `Cells`; noted, if it was there."""
        if key not in self._before and dict.__contains__(self, key):
            self._note(key, dict.__getitem__(self, key))
        return super().delete(key)

    def _note(self, key: Key, there: Any) -> None:
        if there.__class__ in _WITH_JOURNAL:
            self._before[key] = there.journal
            self._lengths[key] = len(there.journal.methods)
        else:
            self._before[key] = there

    def take_notes(self) -> Notes:
        """What was written since they were taken last."""
        if not self._before:
            return ()
        notes: list[Any] = []
        for key, before in self._before.items():
            after: Any = dict.get(self, key)
            before_length = after_length = 0
            if after.__class__ in _WITH_JOURNAL:
                after = after.journal
                after_length = len(after.methods)
            elif before is None and after is None:
                continue
            if before.__class__ is Journal:
                before_length = self._lengths[key]
                if after is before and not before.has_changed(before_length, after_length):
                    continue
                is_another = after is not before and after.__class__ is Journal
                if is_another and before.value(before_length) == after.value(after_length):
                    continue  # deleted, and made anew as it was
            notes += key, before, before_length, after, after_length
        self._before.clear()
        return tuple(notes)


class InstrumentedCells(RecordedCells, GuardedCells):
    """Cells that note what is written, and admit one operation's footprint and nothing else."""

    # What a step writes as to a dictionary is noted, too.

    def __setitem__(self, key: Key, value: Any) -> None:
        self._note_first(key)
        super().__setitem__(key, value)

    def __delitem__(self, key: Key) -> None:
        self._note_first(key)
        super().__delitem__(key)

    def pop(self, key: Key, *default: Any) -> Any:
        """As of a dictionary."""
        self._note_first(key)
        return super().pop(key, *default)

    def setdefault(self, key: Key, default: Any = None) -> Any:
        """As of a dictionary."""
        self._note_first(key)
        return super().setdefault(key, default)

    def _note_first(self, key: Key) -> None:
        if self.is_guarded and key not in self._before:
            self._note(key, dict.get(self, key))
