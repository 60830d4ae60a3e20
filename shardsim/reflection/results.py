"""Reflection of a whole run: every agent, every onset, every model, as tables.

Axis letters: D seeds · U onsets · R rules · K shards.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import xarray as xr

from shardsim.reflection.config import ReflectConfig
from shardsim.reflection.reflect import reflect_agents
from shardsim.reflection.reidentified import reidentify
from shardsim.reflection.setting import Subjects
from shardsim.reflection.shard_returns import returns_of
from shardsim.reflection.tables import Evidence, dataset, nothing, summary


class Reflection(NamedTuple):
    """What reflection did to the agents of a run."""

    dataset: xr.Dataset
    summary: dict[str, Any]


def reflect_run(subjects: Subjects, config: ReflectConfig, *, seed: int = 0) -> Reflection:
    """Reflect with all agents of a run at once.

    Args:
        subjects: who reflects; networks.
        config: all settings.
        seed: of levels, contexts and plans; the same seed gives the same result.

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
    setting, trace, afterwards, forecasts = reflect_agents(subjects, config, seed=seed)
    assert networks is not None and trace is not None
    assert afterwards is not None and forecasts is not None
    evidence = Evidence(
        setting=setting,
        trace=trace,
        forecast_hits=forecasts.hits,
        shard_returns=returns_of(setting, afterwards, config.discount),
        reidentified=reidentify(shards, networks, trace.parameters, config, seed),
    )
    found = dataset(shards, evidence, config)
    return Reflection(found, summary(found, config.competence))
