"""Text as it is, except for characters that would act on what shows it, or hide in it: these are shown escaped.

Names come from files: scenarios, policies, witnesses, the file system. A character in one can move the cursor,
turn the direction of what follows, or be no character at all (half of a surrogate pair). Everything that is shown
to people goes through here: on the terminal (`report/screen.py`, `cli/telling.py`), in Markdown, in pictures, and
what a user's own code says (`user_code.py`).
"""

from __future__ import annotations

import re
import unicodedata

_ACTING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Controls, formats (direction, width zero), lone surrogates, separators of lines and of paragraphs."""
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_UNUSUAL = re.compile(r"[^\t\n\x20-\x7e]")


def visible(text: str) -> str:
    r"""The text with such characters as Python writes them: `\x1b`, `\u202e`; tabs and line breaks stay."""
    return text if text.isprintable() else _UNUSUAL.sub(_shown, text)


def in_one_line(text: str) -> str:
    r"""The same, with tabs and line breaks shown too: `\t`, `\n`."""
    return visible(text).replace("\t", r"\t").replace("\n", r"\n")


def without_addresses(text: str) -> str:
    """What Python shows of objects, but for where they are in memory: that is another place in each process."""
    return _ADDRESS.sub("", text)


def visible_json(text: str) -> str:
    """The same JSON document, in which such characters are escaped as JSON escapes them."""
    return text if text.isprintable() else _UNUSUAL.sub(_shown_in_json, text)


def _shown(found: re.Match[str]) -> str:
    character = found[0]
    return ascii(character)[1:-1] if unicodedata.category(character) in _ACTING else character


def _shown_in_json(found: re.Match[str]) -> str:
    character = found[0]
    if unicodedata.category(character) not in _ACTING:
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[place : place + 2].hex()}" for place in range(0, len(units), 2))
