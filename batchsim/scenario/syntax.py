"""What a YAML parser's complaint means, in words for somebody who edits a scenario."""

from __future__ import annotations

_UNCLOSED_TEXT = "a quoted text that is not closed"
_BAD_START = "a character that no unquoted text can start with (a tab, or one of @ ` % & * ! | > } ])"

# Substrings of the messages of libyaml and of PyYAML's own parser; the first that matches counts.
_PLAIN_WORDS = (
    ("mapping values are not allowed", "a ': ' where no key can be (quote a text that contains ': ')"),
    ("',' or ']'", "a list […] that is not closed, or that lacks a comma"),
    ("',' or '}'", "a mapping {…} that is not closed, or that lacks a comma"),
    ("unexpected end of stream", _UNCLOSED_TEXT),
    ("document indicator", _UNCLOSED_TEXT),
    ("violates indentation", "a tab in the indentation (indent with spaces)"),
    ("cannot start any token", _BAD_START),
    ("expected ':'", "a line without ': ' among the keys of a mapping"),
    ("expected the node content", "a comma, a bracket or the end where a value must be"),
    ("expected node content", "a comma, a bracket or the end where a value must be"),
    ("expected key", "a line that fits no key of its mapping (look at its indentation)"),
    ("'-' indicator", "a line that is no '- …' entry of its list (look at its indentation)"),
    ("<block end>", "a line that fits neither its mapping nor its list (look at its indentation)"),
    ("block sequence entries are not allowed", "a '- ' where no list can start"),
    ("undefined tag handle", "a tag"),
    ("alphabetic or numeric character", "an anchor (&) or alias (*) without a name"),
    ("mapping keys are not allowed", "a '? ' where no key can be"),
    ("comment or line break", "more than | or > in the line that begins a text block"),
    ("expected whitespace or line break", "a tag or a directive that is not complete"),
    ("non-alphabetical character", "a tag or a directive that is not complete"),
    ("<document start>", "a second value after the end of the first"),
    ("directive name", "a line that begins with %"),
    ("unknown escape character", "an unknown escape after '\\' (use '…' quotes for plain text)"),
)


def plain_words(complaint: str) -> str:
    """The complaint of a YAML parser in plain words; one that is not known stays as it is."""
    known = (words for part, words in _PLAIN_WORDS if part in complaint)
    return next(known, f"what YAML does not allow ({complaint})")
