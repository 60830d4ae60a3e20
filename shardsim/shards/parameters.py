"""The parameter view of a run's shards: of which events, contexts and measures it is taken.

Axis letters: S agents (seeds) · E events · C contexts · K shards · A actions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from shardsim.shards.config import IdentifyConfig
from shardsim.shards.contexts.battery import battery
from shardsim.shards.evidence.activations import sample
from shardsim.shards.evidence.causal import strength_measure
from shardsim.shards.evidence.episodes import Horizon
from shardsim.shards.evidence.updates import ParameterView, Strength, parameter_view
from shardsim.shards.identify import parts_of
from shardsim.shards.influence.shares import Parts
from shardsim.shards.population import OnBattery, Population

PHASES = (0.02, 0.15, 0.5, 1.0)  # of training: the nearest checkpoints are looked at
MEASURED = 300  # contexts on which a shard's strength is measured
LONGEST = 32  # decisions of an event


def parameters_of(
    found: Population,
    updates: Sequence[int],
    checkpoint: Callable[[int], Any],
    config: IdentifyConfig,
    discount: float,
    gae_lambda: float,
) -> ParameterView | None:
    """Take the parameter view; None where no shard was found or no events are asked for.

    Args:
      found: the run's shards.
      updates: update numbers of the run's checkpoints, ascending, the untrained one first.
      checkpoint: position among them -> parameters [S].
      config: how many events.
      discount: of the run's learner.
      gae_lambda: of the run's learner.
    """
    if not len(found.preferences) or not config.update_events or len(updates) < 2:
        return None
    agents = found.agents
    kept = positions(updates)
    starts = battery(agents.env, config.update_events, split="train", seed=config.seed)
    return parameter_view(
        agents.env,
        agents.network,
        [updates[n] for n in kept],
        [checkpoint(n) for n in kept],
        starts,
        _strength(found.batteries["target"], config),
        Horizon(discount, gae_lambda, min(agents.env.max_steps, LONGEST)),
        seed=config.seed,
    )


def positions(updates: Sequence[int]) -> list[int]:
    """Return the positions of the trained checkpoints nearest to `PHASES`, ascending."""
    trained = np.asarray(updates[1:], np.float64)
    return sorted({1 + int(np.argmin(np.abs(trained - part * trained[-1]))) for part in PHASES})


def _strength(found: OnBattery, config: IdentifyConfig) -> Strength:
    rows = sample(found.battery.size, config.seed, MEASURED)
    measures = []
    for model, data in zip(found.models, found.data, strict=True):
        whole = parts_of(model, data)
        few = Parts(whole.shards[rows], whole.habit, whole.affordance[rows], whole.logits[rows])
        measures.append(strength_measure(few).reshape(-1, *few.logits.shape))
    return Strength(found.battery.observations[rows], np.stack(measures))
