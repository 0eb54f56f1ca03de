"""SVG elements as text: escaped, with numbers of one decimal, always the same bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from batchsim.report.timeline.look import attributes_of, coloured
from batchsim.visible import visible

_NOT_XML = re.compile("[\ufffe\uffff]")
"""The visible characters that no XML 1.0 document may hold, not even escaped."""

Value = str | float
"""Of an attribute; a number is in pixels."""


def number(value: float) -> str:
    """A number of pixels with at most one decimal, never `-0`."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def text_node(text: str) -> str:
    """Text of the user's, fit for an element or an attribute."""
    return escape(_NOT_XML.sub("\ufffd", visible(text)))


def element(tag: str, *children: str, **attributes: Value) -> str:
    """An element, with the look of its class; `class_` is written `class`, `text_anchor` `text-anchor`."""
    look = attributes_of(tag, str(attributes.get("class_", "")))
    written = "".join(f' {_name(name)}="{_value(value)}"' for name, value in {**attributes, **look}.items())
    if not children:
        return f"<{tag}{written}/>"
    return f"<{tag}{written}>{''.join(children)}</{tag}>"


def _name(name: str) -> str:
    return name.removesuffix("_").replace("_", "-")


def _value(value: Value) -> str:
    return text_node(value) if isinstance(value, str) else number(value)


def text(x: float, y: float, content: str, class_: str = "", anchor: str = "start") -> str:
    """One line of text whose baseline is at `y`."""
    attributes: dict[str, Value] = {"x": x, "y": y}
    if class_:
        attributes["class_"] = class_
    if anchor != "start":
        attributes["text_anchor"] = anchor
    return element("text", text_node(content), **attributes)


def text_with_note(x: float, y: float, content: str, note: str, *, class_: str, anchor: str) -> str:
    """One line of text, followed by a note in a quieter colour."""
    attributes: dict[str, Value] = {"x": x, "y": y, "class_": class_}
    if anchor != "start":
        attributes["text_anchor"] = anchor
    return element(
        "text", text_node(content), element("tspan", text_node(note), class_="note", dx=6), **attributes
    )


def bar(class_: str, x: float, y: float, width: float, height: float, *, hint: str = "") -> str:
    """A rectangle; `hint` shows where the pointer rests on it."""
    children = (element("title", text_node(hint)),) if hint else ()
    return element("rect", *children, class_=class_, x=x, y=y, width=width, height=height)


def path(points: Iterable[tuple[float, float]], class_: str, *, closed: bool = False) -> str:
    """A line through points."""
    drawn = "L".join(f"{number(x)} {number(y)}" for x, y in points)
    return element("path", class_=class_, d=f"M{drawn}{'Z' if closed else ''}")


def group(class_: str, children: Iterable[str]) -> str:
    """Elements that belong together, one a line, in the colours of the group."""
    return element("g", "\n", coloured("\n".join(children), class_ or "none"), "\n", class_=class_)
