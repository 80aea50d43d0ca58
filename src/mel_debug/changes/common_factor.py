"""The factor that the ratios of all moles of a pair share, which is no change of any of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mel_debug.changes.places import Kind, Place
from mel_debug.changes.ratios import Z95, Ratio

LEAST_MEASURED = 5
"""Number of moles with a measure from which on their common factor is taken out."""

MOLES_CHANGED = 0.3
"""Share of the moles that may have changed, when what all of them share is estimated."""

PRIORS = {"diameter": 0.01, "area": 0.02, "elongation": 0.03, "colour": 0.1, "border": 0.1}
"""Standard deviations of the log of what all moles of a pair share: the error of the map's scale,
below 1 % on generated pairs, and for colours that of light and blur."""

SURPRISING = 3.0
"""Standard deviations from which a measure other than the diameter counts as changed.

The diameter counts from its 95 % interval on; with four measures, as many would be too many.
"""


def without_common_factor(moles: list[Place]) -> list[Place]:
    """The moles with the common factor taken out of their ratios; a mole that changed is listed so.

    What all moles share is an error of the map's scale, or of the light.
    """
    values: dict[str, list[Ratio]] = {}
    for mole in moles:
        for name, ratio in mole.ratios.items() if isinstance(mole.ratios, dict) else ():
            values.setdefault(name, []).append(ratio)
    factors = {
        name: usual(some, PRIORS[name])
        for name, some in values.items()
        if len(some) >= LEAST_MEASURED
    }
    found = []
    for mole in moles:
        if not isinstance(mole.ratios, dict):
            found.append(mole)
            continue
        ratios = {name: ratio.over(factors.get(name, 1.0)) for name, ratio in mole.ratios.items()}
        reason = ", ".join(changed_measures(ratios))
        kind = Kind.CHANGED if reason else mole.kind
        found.append(replace(mole, ratios=ratios, kind=kind, reason=reason))
    return found


def usual(ratios: Sequence[Ratio], prior: float) -> float:
    """The factor that most ratios share; `prior` is the standard deviation of its logarithm.

    The most likely one, if a share `MOLES_CHANGED` of the moles changed in any way and the others
    did not: moles that grow do not move it, as they would move a mean or a median.
    """
    logs = np.log([ratio.value for ratio in ratios])
    stds = np.array([np.log(ratio.high / ratio.low) / (2 * Z95) for ratio in ratios])
    stds = np.maximum(stds, 1e-3)
    factors = np.linspace(-3 * prior, 3 * prior, 121)[:, np.newaxis]
    same = np.exp(-(((logs - factors) / stds) ** 2) / 2) / (stds * (2 * np.pi) ** 0.5)
    likely = np.log((1 - MOLES_CHANGED) * same + MOLES_CHANGED).sum(axis=1)
    likely -= (factors[:, 0] / prior) ** 2 / 2
    return float(np.exp(factors[int(likely.argmax()), 0]))


def changed_measures(ratios: Mapping[str, Ratio]) -> list[str]:
    """The names of the measures that changed beyond doubt."""
    return [
        name
        for name, ratio in ratios.items()
        if name != "area" and ratio.changed and (name == "diameter" or ratio.surprise > SURPRISING)
    ]
