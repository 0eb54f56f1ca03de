"""The colours of pictures, on a light page and on a dark one.

The hues are those of Okabe and Ito, told apart with any colour vision; still, nothing is said by hue alone: lanes
have names, legs hatches, curves marks, and decisive steps a shape of their own.
"""

from __future__ import annotations

LIGHT = {
    "paper": "#ffffff",
    "frame": "#d0d7de",
    "ink": "#1f2328",
    "quiet": "#57606a",
    "grid": "#e4e8ec",
    "alert": "#b3261e",
    "good": "#116329",
    "sdk-hue": "#4d5561",
    "sdk-pale": "#dfe3e8",
    "handler-hue": "#0060a8",
    "handler-pale": "#cfe4f7",
    "consumer-hue": "#b34700",
    "consumer-pale": "#fbdcc4",
    "run-hue": "#00735a",
    "run-pale": "#c9ebe1",
    "job-hue": "#8e3b73",
    "job-pale": "#f2d6e8",
    "reaper-hue": "#6a5800",
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
    "sdk-hue": "#b1bac4",
    "sdk-pale": "#39414b",
    "handler-hue": "#6cbcff",
    "handler-pale": "#12395c",
    "consumer-hue": "#ffab70",
    "consumer-pale": "#5b2d0c",
    "run-hue": "#4fd6b0",
    "run-pale": "#0b4537",
    "job-hue": "#f0a3d3",
    "job-pale": "#552446",
    "reaper-hue": "#ddcb5c",
    "reaper-pale": "#463c06",
}

IN_THE_DARK = "@media (prefers-color-scheme:dark)"
"""Where a style sheet for a dark page begins."""
