"""The kinds of hard photos, by name; a module of its own as the command line lists them."""

from collections.abc import Mapping

VIEWS: Mapping[str, str] = {
    "grazing": "a flank or shoulder seen at a grazing angle in one session",
    "partial": "one session shows only part of what the others show",
    "closeup4": "one session is a close-up of a quarter of the area",
    "closeup16": "one session is a close-up of a sixteenth of the area",
    "half": "the body is half as large in one session",
    "triple": "the body is three times as large in one session",
    "turned": "one session is turned by any angle",
}
"""Changes of viewpoint, of which a body part has at most one."""

CONDITIONS: Mapping[str, str] = {
    "shadows": "cast shadows that move between sessions",
    "glare": "sun that blows out part of the skin, or deep shade",
    "freckles": "dozens of freckles that look like moles",
    "hair": "dark hair that lies differently in each session",
    "gone": "a similar freckle near every mole that disappears",
}
"""Properties of skin and light, which combine freely."""

CASES: Mapping[str, str] = {**VIEWS, **CONDITIONS}
