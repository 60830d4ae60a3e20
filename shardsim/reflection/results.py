"""Reflection of a whole run: every agent, every onset, every model, as tables.

Axis letters: D seeds · U onsets · R rules · K shards.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import xarray as xr

from shardsim.base.progress import SILENT, Progress
from shardsim.reflection.config import ReflectConfig
from shardsim.reflection.reflect import reflect_agents
from shardsim.reflection.reidentified import reidentify
from shardsim.reflection.setting import Subjects
from shardsim.reflection.shard_returns import returns_of
from shardsim.reflection.summary import nothing, summary
from shardsim.reflection.tables import Evidence, dataset
from shardsim.reflection.value_paths import value_paths
from shardsim.shards.contexts.battery import Battery

# What each part costs beside the others, in seconds of the demo.
COSTS = {"reflecting": 40.0, "values of shards": 5.0, "identifying again": 9.0}


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
) -> Reflection:
    """Reflect with all agents of a run at once.

    Args:
        subjects: who reflects; networks.
        config: all settings.
        onset: contexts, the one onset of all agents; or the name of the one to choose; None for
            all that can be chosen.
        seed: of levels, contexts and plans; the same seed gives the same result.
        progress: where to say how far it is.

    Returns:
        A Dataset of the schema `REFLECTION`, and a summary of plain values. Without any shard
        nobody judges, and with a single concept there is nothing to choose between: both say
        `undefined`.

    Raises:
        UserError: `config.goals` are not two concepts of the env, or no onset has that name.
    """
    shards, networks = subjects.shards, subjects.networks
    if not shards.num_shards or len(subjects.env.concepts) < 2:
        return Reflection(*nothing(subjects.env, config.models))
    progress.plan(COSTS)
    with progress.part("reflecting") as part:
        found = reflect_agents(subjects, config, onset=onset, seed=seed, progress=part)
    setting, trace, afterwards, forecasts, repeats = found
    assert networks is not None and trace is not None
    assert afterwards is not None and repeats is not None
    with progress.part("values of shards"):
        returns = returns_of(setting, afterwards, config.discount)
        paths = value_paths(setting, networks, trace, returns, config)
    with progress.part("identifying again"):
        again = reidentify(shards, networks, trace, config, seed)
    evidence = Evidence(
        setting=setting,
        trace=trace,
        forecast_hits=None if forecasts is None else forecasts.hits,
        shard_returns=returns,
        value_paths=paths,
        reidentified=again,
        repeats=repeats,
    )
    found = dataset(shards, evidence, config)
    return Reflection(found, summary(found, config))
