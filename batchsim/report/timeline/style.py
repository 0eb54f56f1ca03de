"""The look of a picture: sizes, colours for light and dark, and hatches.

The hues are those of Okabe and Ito, told apart with any colour vision; still, nothing is said by hue
alone: lanes have names, legs have hatches, decisive steps have a shape of their own.
"""

from __future__ import annotations

from batchsim.report.timeline.svg import element

WIDTH = 1200.0
LEFT = 158.0
"""Where the axes begin; the names of the lanes stand to the left."""
RIGHT = 1056.0
"""Where the axes end; to the right of it only texts may go."""
EDGE = 1184.0
"""Where texts end."""
MARGIN = 16.0

LANE_OF_RACE = 26.0
ROW = 14.0
"""Of names beside a lane of the race."""

FONT = 12.0
SMALL = 11.0
TITLE = 18.5
"""The size that a title's width is estimated by; it is bold."""
BOLD = 1.1
"""How much wider a bold text is."""

LIGHT = {
    "paper": "#ffffff",
    "frame": "#d0d7de",
    "ink": "#1f2328",
    "quiet": "#57606a",
    "grid": "#e4e8ec",
    "alert": "#b3261e",
    "good": "#116329",
    "sdk": "#4d5561",
    "sdk-pale": "#dfe3e8",
    "handler": "#0060a8",
    "handler-pale": "#cfe4f7",
    "consumer": "#b34700",
    "consumer-pale": "#fbdcc4",
    "run": "#00735a",
    "run-pale": "#c9ebe1",
    "job": "#8e3b73",
    "job-pale": "#f2d6e8",
    "reaper": "#6a5800",
    "reaper-pale": "#f2e9b3",
}
DARK = {
    "paper": "#0d1117",
    "frame": "#3d444d",
    "ink": "#f0f3f6",
    "quiet": "#a5aeb8",
    "grid": "#252b33",
    "alert": "#ff8f85",
    "good": "#6fdd8b",
    "sdk": "#b1bac4",
    "sdk-pale": "#39414b",
    "handler": "#6cbcff",
    "handler-pale": "#12395c",
    "consumer": "#ffab70",
    "consumer-pale": "#5b2d0c",
    "run": "#4fd6b0",
    "run-pale": "#0b4537",
    "job": "#f0a3d3",
    "job-pale": "#552446",
    "reaper": "#ddcb5c",
    "reaper-pale": "#463c06",
}
KINDS = ("sdk", "handler", "consumer", "run", "job", "reaper")
"""The kinds of actors that have a hue."""


def hue(kind: str) -> str:
    """The class of an actor's kind."""
    return kind if kind in KINDS else "sdk"


def _variables(palette: dict[str, str]) -> str:
    return ";".join(f"--{name}:{colour}" for name, colour in palette.items())


_RULES = """\
text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;fill:var(--ink)}
.title{font-size:17px;font-weight:600}
.panel{font-size:13px;font-weight:600}
.small{font-size:11px}
.quiet{fill:var(--quiet)}
.strong{font-weight:700}
.note{fill:var(--quiet);font-weight:400}
.alert{fill:var(--alert)}
.good{fill:var(--good)}
.paper{fill:var(--paper);stroke:var(--frame)}
.cover{fill:var(--paper)}
.grid{stroke:var(--grid);fill:none}
.line{stroke:var(--quiet);fill:none}
.lens{fill:var(--quiet);fill-opacity:.1;stroke:var(--quiet);stroke-opacity:.7}
.leader{stroke:var(--quiet);stroke-width:.8;fill:none}
svg,.lost{--end:var(--alert)}
.won{--end:var(--good)}
.duel{stroke:var(--end);stroke-width:1.6;stroke-dasharray:5 3;fill:none}
.bracket{stroke:var(--end);stroke-width:1.6;fill:none}
.head{fill:var(--end)}
.result{fill:var(--end);font-weight:700}
.decisive{fill:var(--end);stroke:var(--paper);stroke-width:1.5}
.req{fill:var(--pale);stroke:var(--hue)}
.rsp{fill:url(#hatch);stroke:var(--hue);stroke-width:.7}
.wait{fill:none;stroke:var(--hue);stroke-dasharray:3 2}
.work{fill:var(--hue)}
.tick{stroke:var(--hue);stroke-width:1.6;fill:none}
.fold{fill:var(--pale);stroke:var(--hue);stroke-width:.8}"""


def definitions() -> str:
    """The style sheet, and the hatch of response legs."""
    hues = "\n".join(f".{kind}{{--hue:var(--{kind}-hue);--pale:var(--{kind}-pale)}}" for kind in KINDS)
    light, dark = (
        _variables({(f"{name}-hue" if name in KINDS else name): colour for name, colour in palette.items()})
        for palette in (LIGHT, DARK)
    )
    sheet = f"svg{{{light}}}\n@media (prefers-color-scheme:dark){{svg{{{dark}}}}}\n{hues}\n{_RULES}"
    return element("style", f"\n{sheet}\n") + "\n" + element("defs", _hatch())


def _hatch() -> str:
    line = element("path", d="M-1 1L1 -1M0 5L5 0M4 6L6 4", style="stroke:var(--quiet);stroke-width:1")
    return element("pattern", line, id="hatch", width=5, height=5, patternUnits="userSpaceOnUse")
