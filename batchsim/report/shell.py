"""Commands to be copied into a shell."""

from __future__ import annotations

from collections.abc import Iterable
from os import fsencode
from shlex import quote as quote_as_it_is

from batchsim.visible import visible

_ESCAPES = {"\\": r"\\", "'": r"\'", "\n": r"\n", "\t": r"\t"}


def join(words: Iterable[str]) -> str:
    """The words as one line, each quoted where it must be."""
    return " ".join(map(quote, words))


def quote(word: str) -> str:
    """A word as a shell reads it, in characters that a terminal can show."""
    if "\n" not in word and "\t" not in word and visible(word) == word:
        return quote_as_it_is(word)
    # bash, zsh and ksh read escapes in $'…'.
    return f"$'{''.join(map(_escaped, word))}'"


def _escaped(character: str) -> str:
    if "\udc80" <= character <= "\udcff":
        # Half a surrogate pair stands for a byte of a file name that is no UTF-8.
        return f"\\x{fsencode(character).hex()}"
    return _ESCAPES.get(character) or visible(character)
