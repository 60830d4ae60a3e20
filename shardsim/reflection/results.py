"""Reflection of a whole run: every agent, every onset, every model, as tables.

The forecast is made, and handed over to be kept, before any weight moves; what was kept is scored.
Axis letters: D seeds · U onsets · R rules · K shards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import xarray as xr

from shardsim.base.progress import SILENT, Progress
from shardsim.reflection.config import REPLICATOR, ReflectConfig, rules_of
from shardsim.reflection.endorsed import at_onsets
from shardsim.reflection.forecast.foresee import foresee
from shardsim.reflection.forecast.trend import Earlier, trend
from shardsim.reflection.forecast.written import told
from shardsim.reflection.reflect import Forecasts, reflect_agents
from shardsim.reflection.reidentified import reidentify
from shardsim.reflection.setting import Setting
from shardsim.reflection.shard_returns import Ranges, ranges_of, returns_of
from shardsim.reflection.site import Subjects
from shardsim.reflection.summary import nothing, summary
from shardsim.reflection.tables import Evidence, dataset
from shardsim.reflection.value_paths import value_paths
from shardsim.shards.contexts.battery import Battery

# What each part costs beside the others, in seconds of the demo.
COSTS = {"reflecting": 40.0, "values of shards": 5.0, "identifying again": 9.0}
Keep = Callable[[dict[str, Any]], None]


class Reflection(NamedTuple):
    """What reflection did to the agents of a run."""

    dataset: xr.Dataset
    summary: dict[str, Any]


def reflect_run(
    subjects: Subjects,
    config: ReflectConfig,
    *,
    onset: Battery | str | None = None,
    seed: int = 0,
    progress: Progress = SILENT,
    keep: Keep | None = None,
    earlier: Earlier | None = None,
) -> Reflection:
    """Reflect with all agents of a run at once.

    Args:
        subjects: who reflects; networks.
        config: all settings.
        onset: contexts, the one onset of all agents; or the name of the one to choose; None for
            all that can be chosen.
        seed: of levels, contexts and plans; the same seed gives the same result.
        progress: where to say how far it is.
        keep: is given the forecast as plain values, before any weight moves.
        earlier: the agents earlier in training, for the trend that the forecast is compared with.

    Returns:
        A Dataset of the schema `REFLECTION`, and a summary of plain values. Without any shard
        nobody judges, and with a single concept there is nothing to choose between: both say
        `undefined`, and nothing is foreseen.

    Raises:
        UserError: `config.goals` are not two concepts of the env, or no onset has that name.
    """
    shards, networks = subjects.shards, subjects.networks
    if not shards.num_shards or len(subjects.env.concepts) < 2:
        return Reflection(*nothing(subjects.env, config.models))
    assert networks is not None
    ranges: list[Ranges] = []

    def before(setting: Setting, forecasts: Forecasts) -> None:
        ranges.append(ranges_of(setting, config.discount))
        if keep is not None:
            said = foresee(
                setting, ranges[0], forecasts.hits, config, rules_of(config.models), seed
            )
            line = None if earlier is None else trend(setting, networks, earlier, config)
            keep(told(said, config, shards.dataset["seed"].values.tolist(), line))

    progress.plan(COSTS)
    asked = {"onset": onset, "seed": seed, "before": before}
    with progress.part("reflecting") as part:
        found = reflect_agents(subjects, config, progress=part, **asked)
    setting, trace, afterwards, forecasts, repeats = found
    assert trace is not None and afterwards is not None
    assert forecasts is not None and repeats is not None
    with progress.part("values of shards"):
        returns = returns_of(setting, afterwards, config.discount, ranges[0])
        paths = value_paths(setting, networks, trace, returns, config)
    with progress.part("identifying again"):
        again = reidentify(shards, networks, trace, config, seed)
    evidence = Evidence(
        setting=setting,
        trace=trace,
        forecast_hits=forecasts.hits if REPLICATOR in config.models else None,
        shard_returns=returns,
        value_paths=paths,
        reidentified=again,
        endorsed=at_onsets(setting, config.discount, seed),
        repeats=repeats,
    )
    table = dataset(shards, evidence, config)
    return Reflection(table, summary(table, config))
