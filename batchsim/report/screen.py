"""What is printed on the terminal: names are shown as they are, and never act.

`Text` and `Screen` take the place of rich's: what is visible is settled before widths are measured, and neither
markup (`[red]`) nor emoji codes are looked for in what is a name.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, cast

from rich.console import Console
from rich.text import Text as RichText

from batchsim.batch.glosses import GLOSSES
from batchsim.visible import visible

WIDTH_OF_FILES = 120
"""Columns where the output is no terminal."""
_HANGING = 4
"""So much further to the right a line goes on."""


_ENDS = re.compile(r"(?: |\x1b\[[0-9;]*m)+$", re.MULTILINE)
_BLANKS = re.compile(" +")


def without_blanks_at_ends(text: str) -> str:
    """What a console has printed, without blanks at the ends of lines; colors end where they did."""
    return _ENDS.sub(lambda end: _BLANKS.sub("", end[0]), text)


class Text(RichText):
    """Styled text in which nothing acts."""

    def __init__(self, text: str = "", *arguments: Any, **options: Any) -> None:
        super().__init__(visible(text), *arguments, **options)

    @classmethod
    def assemble(cls, *parts: Any, **options: Any) -> Text:
        """A text of parts, each a string, or one with its style."""
        return cast(Text, super().assemble(*parts, **options))

    def append(self, text: RichText | str, style: Any = None) -> RichText:
        """Add text, with a style."""
        return super().append(visible(text) if isinstance(text, str) else text, style)


class Screen(Console):
    """A console that takes every string as it is."""

    def __init__(self, *, unglossed: Collection[str] = (), **options: Any) -> None:
        self.unglossed = unglossed
        """Names of policies that are not the shipped ones of these names."""
        super().__init__(highlight=False, markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> RichText:
        """A string as text: wherever rich takes one instead of a `Text`."""
        return super().render_str(visible(text), **options)


def called(console: Console, policy: str, between: str = " ") -> str:
    """What a policy is called: its name, and its gloss where it is a shipped one.

    `between`: what stands between them; headings have a line for each.
    """
    gloss = "" if policy in getattr(console, "unglossed", ()) else GLOSSES.get(policy, "")
    return f"{policy}{between}({gloss})" if gloss else policy


def print_line(console: Console, text: RichText, indent: int = 0) -> None:
    """Print a line; on a terminal that is narrower it goes on in the next ones, further to the right."""
    if not console.is_terminal:
        text.pad_left(indent)
        console.print(text, soft_wrap=True)
        return
    lines = text.wrap(console, max(console.width - indent - _HANGING, 1), overflow="fold")
    for place, line in enumerate(lines):
        line.rstrip()
        line.pad_left(indent + _HANGING * (place > 0))
        console.print(line)
