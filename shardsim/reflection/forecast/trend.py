"""What would happen if training just went on as of late: a null that knows nothing of shards.

Axis letters: D agents · U onsets · B contexts · G goals.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import numpy as np

from shardsim.reflection.config import ReflectConfig
from shardsim.reflection.forecast.plans import moves_of, plans_of
from shardsim.reflection.ground import asked
from shardsim.reflection.setting import Setting
from shardsim.reflection.world import World
from shardsim.shards.agents import Networks


class Earlier(NamedTuple):
    """The agents at a checkpoint of training before the last."""

    parameters: Any  # pytree [D]
    gradients: int  # updates of the weights from there to the last checkpoint


def trend(
    setting: Setting, networks: Networks, earlier: Earlier, config: ReflectConfig
) -> np.ndarray:
    """Return float64[D, U, G + 1]: what is added to what is reached first, on a straight line.

    The change from the earlier checkpoint to the last, extended by as many gradients as reflection
    takes.
    """
    steps = config.steps * config.gradients / max(1, earlier.gradients)
    added = []
    for agent in range(len(setting.weight)):
        seen = np.asarray(setting.onset.views)[agent]
        ends = [
            asked(networks, _alone(parameters, agent), seen)[0]
            for parameters in (earlier.parameters, networks.parameters)
        ]
        world = World(*(np.asarray(leaf)[agent] for leaf in setting.onset.world))
        first, last = (_reached(setting, world, policy, config) for policy in ends)
        added.append(steps * (last - first))
    return np.stack(added)


def _alone(parameters: Any, agent: int) -> Any:
    """Return the parameters [1] of one agent of [D]."""
    return jax.tree.map(lambda leaf: np.asarray(leaf)[agent : agent + 1], parameters)


def _reached(
    setting: Setting, world: World, policy: np.ndarray, config: ReflectConfig
) -> np.ndarray:
    """Return float64[U, G + 1] of the policies float[U, B, S, A] of one agent."""
    rows = []
    for onset in range(len(policy)):
        here = World(*(leaf[onset] for leaf in world))
        moves = moves_of(here, policy[onset], setting.goals, config.plan_moves)
        plans = plans_of(moves, setting.preferences, config.discount)
        rows.append(here.weight @ (plans.chance @ plans.goal))
    return np.stack(rows)
