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

# What each part costs beside the others, in seconds of the demo.
COSTS = {"reflecting": 40.0, "values of shards": 5.0, "identifying again": 9.0}


class Reflection(NamedTuple):
    """What reflection did to the agents of a run."""

    dataset: xr.Dataset
    summary: dict[str, Any]


def reflect_run(
    subjects: Subjects, config: ReflectConfig, *, seed: int = 0, progress: Progress = SILENT
) -> Reflection:
    """Reflect with all agents of a run at once.

    Args:
        subjects: who reflects; networks.
        config: all settings.
        seed: of levels, contexts and plans; the same seed gives the same result.
        progress: where to say how far it is.

    Returns:
        A Dataset of the schema `REFLECTION`, and a summary of plain values. Without any shard
        nobody judges, and with a single concept there is nothing to choose between: both say
        `undefined`.

    Raises:
        UserError: `config.goals` are not two concepts of the env.
    """
    shards, networks = subjects.shards, subjects.networks
    if not shards.num_shards or len(subjects.env.concepts) < 2:
        return Reflection(*nothing(subjects.env))
    progress.plan(COSTS)
    with progress.part("reflecting") as part:
        found = reflect_agents(subjects, config, seed=seed, progress=part)
    setting, trace, afterwards, forecasts, repeats = found
    assert networks is not None and trace is not None and repeats is not None
    assert afterwards is not None and forecasts is not None
    with progress.part("values of shards"):
        returns = returns_of(setting, afterwards, config.discount)
    with progress.part("identifying again"):
        again = reidentify(shards, networks, trace.parameters, config, seed)
    evidence = Evidence(
        setting=setting,
        trace=trace,
        forecast_hits=forecasts.hits,
        shard_returns=returns,
        reidentified=again,
        repeats=repeats,
    )
    found = dataset(shards, evidence, config)
    return Reflection(found, summary(found, config.competence))
