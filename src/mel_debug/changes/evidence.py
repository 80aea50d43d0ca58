"""What two photos show at a spot of one of them."""

from dataclasses import dataclass

NOT_VOUCHED = "the spots around it do not vouch for how the photos lie"

MAP_UNKNOWN = "the map between the photos is not known there"

OUT_OF_VIEW = "out of view in the other photo"

BESIDE = "a similar spot lies beside it in the other photo, which may be the same one"

GONE_SHARE = 0.6
"""Largest share of a spot's response that a photo without it shows there."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What both photos show at a spot of the frame's photo.

    `own` and `other` are the responses of both, the first lowered as the other photo is blurred;
    `vouching` is the share of neighbours that agree with the map; `hue` is the response in red over
    that in green, relative to that of spots in both photos: below 1 for blood, about 1 for melanin.
    `obstacle` is a reason why the photos can't be compared there. `beside` is whether the other
    photo has a similar spot nearby that the first one lacks, so that both may be the same.
    `well_vouched` is whether so many neighbours agree that the map is right to a few pixels.
    """

    own: float
    other: float
    vouching: float
    hue: float
    sigma: float
    std: float
    obstacle: str | None = None
    beside: bool = False
    well_vouched: bool = False

    @property
    def missing(self) -> float:
        """How much of the spot the other photo lacks, in log light."""
        return self.own - self.other

    @property
    def share(self) -> float:
        """The share of the spot that the other photo shows."""
        return max(0.0, self.other) / max(self.own, 1e-6)

    @property
    def shown(self) -> bool:
        """Whether the other photo shows a similar spot there."""
        return self.share > GONE_SHARE
