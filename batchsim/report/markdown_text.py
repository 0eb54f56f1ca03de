"""Pieces of GitHub-flavoured Markdown, with everything escaped that is not ours."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any
from urllib.parse import quote

from batchsim.batch.policies import gloss_of
from batchsim.visible import visible

_SPACE = re.compile(r"\s+")
_INLINE = re.compile(r"([\\`*_{}\[\]<>|~&$])")
_BLOCK = re.compile(r"^([-+#=]|[0-9]+(?=[.)]))")


def plain(text: str) -> str:
    """Text that shows exactly as it is, on one line; what would act or hide is shown escaped."""
    line = _INLINE.sub(r"\\\1", _in_a_line(text))
    return _BLOCK.sub(_escaped_start, line)


def _in_a_line(text: str) -> str:
    return visible(_SPACE.sub(" ", text).strip())


def _escaped_start(found: re.Match[str]) -> str:
    # A number and a dot would begin a list; there the dot takes the backslash.
    return f"{found[0]}\\" if found[0].isdigit() else f"\\{found[0]}"


def code(text: str) -> str:
    """A name in code style, where its characters allow it."""
    line = _in_a_line(text)
    return plain(line) if not line or "`" in line or "|" in line else f"`{line}`"


def with_gloss(policy: Any) -> str:
    """The name of a policy, and of a shipped one what it is."""
    gloss = gloss_of(policy)
    return f"{code(policy.name)} ({gloss})" if gloss else code(policy.name)


def bold(text: str) -> str:
    """Text in bold, already escaped; nothing where there is none."""
    return f"**{text}**" if text else ""


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], right: Collection[int] = ()) -> str:
    """A table of cells that are already escaped; the columns in `right` are set flush right."""
    aligned = ["---:" if column in right else "---" for column in range(len(headings))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (headings, aligned, *rows))


def link(words: str, file: str) -> str:
    """A link to a file beside this one; `words` are already escaped."""
    return f"[{words}]({quote(file)})"


def picture(words: str, file: str) -> str:
    """A picture from a file beside this one; `words` are already escaped."""
    return f"!{link(words, file)}"


def details(summary: str, content: str) -> str:
    """Content that is shown on demand."""
    return f"<details>\n<summary>{summary}</summary>\n\n{content}\n\n</details>"


def warning(text: str) -> str:
    """A paragraph that warns; `text` is not escaped yet."""
    return f"{bold('Warning:')} {plain(text)}."


def filled(template: str, **values: object) -> str:
    """A text with values in it, on one line; both are already escaped."""
    return " ".join(template.format(**values).split())
