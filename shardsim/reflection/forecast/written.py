"""A forecast as plain values, for `forecast.json`; read back as arrays for the score.

Axis letters: D agents · U onsets · G goals · K shards · T steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from shardsim.reflection.config import REPLICATOR, ReflectConfig
from shardsim.reflection.constancy import constancy
from shardsim.reflection.forecast.foresee import (
    CLOSED,
    CONFIDENCE,
    FITTED,
    FITTED_ON,
    REACH,
    Forecast,
    Foreseen,
    rate_of,
)
from shardsim.reflection.kinds import UNDEFINED
from shardsim.reflection.tables import NEITHER

FORMAT = 1
INTERVALS = {
    CLOSED: "chance alone: as many plans are drawn at each step as reflection draws; judges are "
    "taken to be exact, so that it is a lower bound",
    FITTED: "errors of the same forecast in other agents (`fitted.on`), scaled by chance and drift",
    REPLICATOR: "as fitted, by the replicator's own drift",
}


def told(
    found: Forecast,
    config: ReflectConfig,
    seeds: Sequence[int],
    trend: np.ndarray | None,
) -> dict[str, Any]:
    """Return the forecast as plain values; what an agent has no context for is None.

    Every list is by seed and then by onset; what is reached first is in the order of `outcomes`.

    Args:
        found: the forecast.
        config: all settings.
        seeds: of the agents.
        trend: float64[D, U, G + 1], what training's trend adds; None without checkpoints.
    """
    there = found.there

    def plain(values: np.ndarray) -> Any:
        known = there.reshape(*there.shape, *[1] * (np.ndim(values) - 2))
        return np.where(known, values, np.nan).tolist()

    models: dict[str, Any] = {}
    for (model, kind), one in found.models.items():
        models.setdefault(model, {})[kind] = {
            "after": plain(one.after),
            "low": plain(one.low),
            "high": plain(one.high),
            "drift": plain(one.after - found.before),
            "value_change": plain(one.value_change),
            "verdict": _verdicts(one, there, found.onsets, config.epsilon),
        }
    trends = {} if trend is None else {"trend": plain(np.clip(found.before + trend, 0.0, 1.0))}
    return {
        "format": FORMAT,
        "seeds": list(seeds),
        "onsets": list(found.onsets),
        "outcomes": [*found.goals, NEITHER],
        "settings": config.model_dump(mode="json"),
        "fitted": {
            "rate": rate_of(config),
            "reach": REACH,
            "on": FITTED_ON,
            "rate_given": config.forecast_rate != _shipped_rate(),
        },
        "confidence": CONFIDENCE,
        "intervals": INTERVALS,
        "before": plain(found.before),
        "models": models,
        "paths": {rule: plain(path) for rule, path in found.paths.items()},
        "options": {name: plain(after) for name, after in found.options.items()},
        **trends,
    }


def _shipped_rate() -> float:
    return float(ReflectConfig.model_fields["forecast_rate"].default)


def _verdicts(
    one: Foreseen, there: np.ndarray, onsets: Sequence[str], epsilon: float
) -> dict[str, str]:
    """Return what constancy says of the foreseen changes of value, over the seeds of each onset."""
    return verdicts(np.where(there[..., None], one.value_change, np.nan), onsets, epsilon)


def verdicts(change: np.ndarray, onsets: Sequence[str], epsilon: float) -> dict[str, str]:
    """Return verdicts by onset of changes of value at the onset, float[D, U, K]."""
    said = {}
    for number, onset in enumerate(onsets):
        known = change[:, number][np.isfinite(change[:, number]).all(-1)]
        said[onset] = constancy(known, epsilon).verdict if len(known) else UNDEFINED
    return said


def array(values: Any) -> np.ndarray:
    """Return nested lists of a forecast as float64, None as NaN."""
    return np.array(values, dtype=np.float64)


def goal_first(values: Any) -> np.ndarray:
    """Return float64[D, U] of lists by seed, onset and outcome: the first goal's."""
    return array(values)[..., 0]


def foreseen_by(told: Mapping[str, Any], rule: str) -> dict[str, np.ndarray]:
    """Return what each forecast says of the first goal after a rule: name -> float64[D, U].

    Its own closed form and fitted one, the replicator, and every model on the shard distribution.
    """
    own = {kind: goal_first(one["after"]) for kind, one in told["models"][rule].items()}
    other = {
        REPLICATOR: told["models"].get(REPLICATOR, {}).get(CLOSED, {}).get("after"),
        **told["options"],
    }
    return own | {name: goal_first(values) for name, values in other.items() if values is not None}
