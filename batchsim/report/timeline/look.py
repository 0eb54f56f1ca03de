"""What is drawn in which colour, for light and for dark.

Each element says its colours by itself, in attributes: so a picture is right, and light, where style sheets are
unknown or only half known. On top of that a style sheet turns the colours round where the page is dark; it is one
`@media` block, which whoever does not know it skips. Both come from the tables here.
"""

from __future__ import annotations

from collections.abc import Mapping

from batchsim.report.palette import DARK, IN_THE_DARK, LIGHT

KINDS = ("sdk", "handler", "consumer", "run", "job", "reaper")
"""The kinds of actors that have a hue."""

ROOT = {
    "font_family": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
    "font_size": "12",
}
_TEXT = {"fill": "@ink"}
_CLASSES = {
    "title": {"font_size": "17", "font_weight": "600"},
    "panel": {"font_size": "13", "font_weight": "600"},
    "small": {"font_size": "11"},
    "quiet": {"fill": "@quiet"},
    "strong": {"font_weight": "700"},
    "note": {"fill": "@quiet", "font_weight": "400"},
    "alert": {"fill": "@alert"},
    "good": {"fill": "@good"},
    "paper": {"fill": "@paper", "stroke": "@frame"},
    "cover": {"fill": "@paper"},
    "grid": {"stroke": "@grid", "fill": "none"},
    "line": {"stroke": "@quiet", "fill": "none"},
    "lens": {"fill": "@quiet", "fill_opacity": ".1", "stroke": "@quiet", "stroke_opacity": ".7"},
    "leader": {"stroke": "@quiet", "stroke_width": ".8", "fill": "none"},
    "hatch": {"stroke": "@quiet", "stroke_width": "1"},
    "duel": {"stroke": "@end", "stroke_width": "1.6", "stroke_dasharray": "5 3", "fill": "none"},
    "bracket": {"stroke": "@end", "stroke_width": "1.6", "fill": "none"},
    "head": {"fill": "@end"},
    "result": {"fill": "@end", "font_weight": "700"},
    "decisive": {"fill": "@end", "stroke": "@paper", "stroke_width": "1.5"},
    "req": {"fill": "@pale", "stroke": "@hue"},
    "rsp": {"fill": "url(#hatch)", "stroke": "@hue", "stroke_width": ".7"},
    "wait": {"fill": "none", "stroke": "@hue", "stroke_dasharray": "3 2"},
    "work": {"fill": "@hue"},
    "tick": {"stroke": "@hue", "stroke_width": "1.6", "fill": "none"},
    "fold": {"fill": "@pale", "stroke": "@hue", "stroke_width": ".8"},
}
"""By class; a colour is one of the palette, or one that the group around gives: hue and pale, or end."""
_GROUPS = {
    **{kind: {"hue": f"{kind}-hue", "pale": f"{kind}-pale"} for kind in KINDS},
    "won": {"end": "good"},
    "lost": {"end": "alert"},
}
"""By class of a group, which colours of the palette these are in it."""
_ELSEWHERE = {"end": "alert"}


def attributes_of(tag: str, classes: str) -> dict[str, str]:
    """How an element with these classes looks, as attributes; `@name` stands for a colour."""
    given = classes.split()
    look = dict(_TEXT) if tag == "text" else {}
    for name, attributes in _CLASSES.items():
        if name in given:
            look |= attributes
    return look


def coloured(drawn: str, group: str = "") -> str:
    """What is drawn in a group of that class, with the colours that it gives; without one, with all others."""
    given = _GROUPS.get(group, {}) if group else {**{name: name for name in LIGHT}, **_ELSEWHERE}
    for name, colour in given.items():
        # In text a quotation mark is escaped, so that is an attribute.
        drawn = drawn.replace(f'="@{name}"', f'="{LIGHT[colour]}"')
    return drawn


def style_sheet() -> str:
    """The rules that turn the colours round on a dark page."""
    palette = ";".join(f"--{name}:{colour}" for name, colour in DARK.items())
    groups = {f".{name}": given for name, given in _GROUPS.items()}
    rules = [f"svg{{{palette};{_given(_ELSEWHERE)}}}"]
    rules += [f"{name}{{{_given(given)}}}" for name, given in groups.items()]
    looks = {"text": _TEXT, **{f".{name}": attributes for name, attributes in _CLASSES.items()}}
    for name, attributes in looks.items():
        colours = [f"{each}:var(--{value[1:]})" for each, value in attributes.items() if value.startswith("@")]
        rules += [f"{name}{{{';'.join(colours)}}}"] if colours else []
    return f"{IN_THE_DARK}{{\n" + "\n".join(rules) + "\n}"


def _given(colours: Mapping[str, str]) -> str:
    return ";".join(f"--{name}:var(--{colour})" for name, colour in colours.items())
