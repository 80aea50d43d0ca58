"""The scene: a body with its moles, and the shots taken of it.

Surface coordinates are millimetres of skin: ``u`` runs across the body from its middle line,
``v`` down along it. World coordinates are millimetres too: x to the right, y down, z away from
a viewer who faces the body. Points in a picture are pixels as shown, with (0, 0) at
the corner of the first pixel.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from .shadows import Cast

_HEX = re.compile(r"[0-9a-f]{32}\Z")


def check(name: str, value: float, low: float, high: float) -> None:
    """Raise ValueError unless a setting lies between two values."""
    if not low <= value <= high:
        raise ValueError(f"{name} is {value}; it should lie between {low} and {high}")


@dataclass(frozen=True, slots=True)
class Mole:
    """One mole of a body.

    ``diameter`` is that of a disc of the same area, in millimetres, before growth; ``aspect`` is
    length over width, ``angle`` (radians) rotates its long axis from u towards v. ``melanin`` and
    ``redness`` are the extra optical depths in green light. ``present`` and ``growth`` (a factor
    on the diameter) hold one entry for each session, and so do ``shade`` (a factor on both
    depths) and ``stretch`` (a factor on ``aspect``), or they are empty if nothing changes.
    """

    uuid: str
    u: float
    v: float
    diameter: float
    melanin: float
    present: tuple[bool, ...]
    growth: tuple[float, ...]
    redness: float = 0.05
    aspect: float = 1.0
    angle: float = 0.0
    irregularity: float = 0.3
    softness: float = 0.15
    relief: float = 0.0
    seed: int = 0
    shade: tuple[float, ...] = ()
    stretch: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not _HEX.match(self.uuid):
            raise ValueError(f"uuid {self.uuid!r} is not 32 hexadecimal digits")
        if not self.present or len(self.present) != len(self.growth):
            raise ValueError("present and growth need one entry for each session, at least one")
        check("diameter", self.diameter, 0.1, 60.0)
        check("aspect", self.aspect, 1.0, 5.0)
        check("melanin", self.melanin, 0.0, 6.0)
        check("irregularity", self.irregularity, 0.0, 1.0)
        check("softness", self.softness, 0.02, 1.0)
        if min(self.growth) <= 0:
            raise ValueError("growth is a factor on the diameter and should be above 0")
        for factors in (self.shade, self.stretch):
            if factors and (len(factors) != len(self.present) or min(factors) <= 0):
                raise ValueError(
                    "shade and stretch need a factor above 0 for each session, or none"
                )

    def diameter_in(self, session: int) -> float:
        """Return the diameter in millimetres in a session."""
        return self.diameter * self.growth[session]

    def shade_in(self, session: int) -> float:
        """Return the factor on the pigment in a session."""
        return self.shade[session] if self.shade else 1.0

    def aspect_in(self, session: int) -> float:
        """Return length over width in a session."""
        return self.aspect * (self.stretch[session] if self.stretch else 1.0)


@dataclass(frozen=True, slots=True)
class Form:
    """The bent surface: a tube of elliptic section, its width and axis varying along it.

    Half axes and half length in millimetres. ``taper`` and ``waist`` are the first and second
    order of the logarithm of the width over the half length; ``bow_side`` and ``bow_depth``
    are the axis's distances from the straight line at the half length; ``groove`` and ``blades``
    (millimetres) are the relief of the spine and the shoulder blades, visible in the shading only.
    """

    half_width: float
    half_depth: float
    half_length: float = 350.0
    taper: float = 0.0
    waist: float = 0.0
    bow_side: float = 0.0
    bow_depth: float = 0.0
    groove: float = 0.0
    blades: float = 0.0

    def __post_init__(self) -> None:
        for name in ("half_width", "half_depth", "half_length"):
            check(name, getattr(self, name), 5.0, 2000.0)
        check("taper", self.taper, -1.0, 1.0)
        check("waist", self.waist, -1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Skin:
    """The appearance of a person's skin in all sessions.

    ``lab`` is CIELAB under D65. ``freckles`` and ``hairs`` are numbers per square centimetre,
    ``hair_dark`` is 0 for vellus hair and 1 for black hair; the rest are strengths near 1.
    """

    lab: tuple[float, float, float]
    seed: int
    mottle: float = 1.0
    relief: float = 1.0
    freckles: float = 0.3
    hairs: float = 0.3
    hair_dark: float = 0.3

    def __post_init__(self) -> None:
        check("L*", self.lab[0], 5.0, 95.0)
        for name in ("mottle", "relief", "freckles", "hairs", "hair_dark"):
            check(name, getattr(self, name), 0.0, 20.0)


@dataclass(frozen=True, slots=True)
class SkinDay:
    """What skin looks like on the day of a session, other than its moles.

    ``freckles`` is the standard deviation of the log of each freckle's pigment; ``tan`` is added to
    L*. ``pimples``, ``bites`` and ``scratches`` are numbers per square decimetre; they come and go.
    """

    seed: int
    freckles: float = 0.0
    tan: float = 0.0
    pimples: float = 0.0
    bites: float = 0.0
    scratches: float = 0.0

    def __post_init__(self) -> None:
        check("tan", self.tan, -30.0, 30.0)
        for name in ("freckles", "pimples", "bites", "scratches"):
            check(name, getattr(self, name), 0.0, 50.0)


@dataclass(frozen=True, slots=True)
class Body:
    """One body part of one person: skin, moles, and the number of sessions.

    Freckles and hair grow where ``|u|`` and ``|v|`` stay within ``reach`` (millimetres).
    ``unmarked`` are spots that look like moles and are no part of the truth. ``days`` holds one
    entry for each session, or is empty for skin that never changes.
    """

    skin: Skin
    moles: tuple[Mole, ...]
    sessions: int = 1
    reach: tuple[float, float] = (300.0, 380.0)
    unmarked: tuple[Mole, ...] = ()
    days: tuple[SkinDay, ...] = ()

    def __post_init__(self) -> None:
        if self.sessions < 1:
            raise ValueError("a body needs at least one session")
        if any(len(mole.present) != self.sessions for mole in self.moles + self.unmarked):
            raise ValueError(f"every mole needs {self.sessions} entries in present and growth")
        if self.days and len(self.days) != self.sessions:
            raise ValueError(f"days needs {self.sessions} entries, or none")
        if len({mole.uuid for mole in self.moles}) != len(self.moles):
            raise ValueError("two moles share one uuid")

    def skin_in(self, session: int) -> Skin:
        """Return the skin in a session, with its tan."""
        if not self.days:
            return self.skin
        lightness, red, yellow = self.skin.lab
        tan = self.days[session].tan
        # Tan is melanin, which is yellow where it is thin.
        lab = (min(max(lightness + tan, 5.0), 95.0), red - 0.1 * tan, yellow - 0.25 * tan)
        return replace(self.skin, lab=lab)

    def mole(self, uuid: str) -> Mole:
        """Return the mole of a uuid. Raises KeyError."""
        for mole in self.moles:
            if mole.uuid == uuid:
                return mole
        raise KeyError(uuid)


@dataclass(frozen=True, slots=True)
class Light:
    """Key light and surroundings.

    Angles are degrees, seen from the camera: ``azimuth`` 0 comes from the right and 90 from below
    in the picture before its roll, ``elevation`` 90 from the camera itself.
    ``stripes`` is the depth (0..1) of striped shade with a period of ``stripe_mm``; ``tint`` are
    gains of red, green and blue; ``casts`` are shadows with sharper edges.
    """

    azimuth: float = -120.0
    elevation: float = 50.0
    key: float = 0.6
    exposure: float = 1.0
    sheen: float = 0.06
    stripes: float = 0.0
    stripe_mm: float = 60.0
    stripe_angle: float = 20.0
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    casts: tuple[Cast, ...] = ()

    def __post_init__(self) -> None:
        check("key", self.key, 0.0, 1.0)
        check("stripes", self.stripes, 0.0, 1.0)
        check("exposure", self.exposure, 0.05, 5.0)
        check("stripe_mm", self.stripe_mm, 1.0, 1000.0)


@dataclass(frozen=True, slots=True)
class Optics:
    """Blur (Gaussian sigma, pixels), noise (share of full scale at mid grey), and the file."""

    blur: float = 0.6
    noise: float = 0.006
    jpeg_quality: int = 92
    orientation: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        check("blur", self.blur, 0.0, 50.0)
        check("noise", self.noise, 0.0, 0.5)
        check("jpeg_quality", self.jpeg_quality, 1, 100)
        check("orientation", self.orientation, 1, 8)


@dataclass(frozen=True, slots=True)
class Shot:
    """One photo to take: the pose of the body, the camera, the light, clothes and surroundings.

    The camera points at the surface point (``aim_u``, ``aim_v``) from ``distance`` millimetres;
    ``yaw`` and ``pitch`` (degrees) tilt it away from the normal there and ``roll`` rotates the
    picture clockwise. ``pixels_per_mm`` is the scale at that point. ``clothes`` is the seed of
    the clothes, or None for bare skin; ``room`` is the seed of the background; ``comb`` is the seed
    of how the hair lies, or None for its usual lie.
    """

    width: int
    height: int
    form: Form
    pixels_per_mm: float
    distance: float = 900.0
    aim_u: float = 0.0
    aim_v: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    light: Light = Light()
    optics: Optics = Optics()
    clothes: int | None = None
    room: int = 0
    comb: int | None = None

    def __post_init__(self) -> None:
        check("width", self.width, 16, 20000)
        check("height", self.height, 16, 20000)
        check("pixels_per_mm", self.pixels_per_mm, 0.05, 200.0)
        check("yaw", self.yaw, -70.0, 70.0)
        check("pitch", self.pitch, -70.0, 70.0)
        if self.distance <= 0:
            raise ValueError("distance should be above 0")
