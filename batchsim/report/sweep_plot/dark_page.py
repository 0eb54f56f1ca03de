"""An SVG of matplotlib's for a light page and for a dark one.

Colours stand in its elements, so it is right and light wherever it is read. A style sheet turns them round on a
dark page. Cells of a heat map are images, which no style sheet turns round: there are two of each.
"""

from __future__ import annotations

import re

from batchsim.report.palette import DARK, IN_THE_DARK, LIGHT

_IMAGE = re.compile(r"<image\b[^>]*/>")


def on_any_page(light: bytes, dark: bytes) -> bytes:
    """The picture `light`, which on a dark page has the images of `dark`: the same, drawn for one."""
    picture, of_dark = light.decode(), iter(_IMAGE.findall(dark.decode()))
    rules = [
        f'[style*="{what}: {LIGHT[name]}"]{{{what}:{DARK[name]}!important}}'
        for name in LIGHT
        for what in ("fill", "stroke")
        if f"{what}: {LIGHT[name]}" in picture
    ]
    rules += [".on-light{display:none}", ".on-dark{display:inline}"]
    sheet = "\n".join(("<style>", f"{IN_THE_DARK}{{", *rules, "}", "</style>"))
    both = _IMAGE.sub(lambda found: _either(found[0], next(of_dark)), picture)
    return both.replace("<defs>", f"{sheet}\n <defs>", 1).encode()


def _either(light: str, dark: str) -> str:
    hidden = dark.replace("<image", '<image class="on-dark" display="none"', 1)
    # Otherwise both have a name, and it may be the same.
    hidden = re.sub(r' id="[^"]*"', "", hidden)
    return light.replace("<image", '<image class="on-light"', 1) + hidden
