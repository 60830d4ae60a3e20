"""Networks built by hand that want the cheese when it is near and the corner everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.agent.network import Network
from shardsim.env.core import Env
from shardsim.shards.agents import agents_of
from shardsim.shards.config import IdentifyConfig
from shardsim.shards.contexts.battery import Battery
from shardsim.shards.influence.influence import Influence, edit, influence_of

WALLS, CHEESE, CORNER = 0, 1, 3  # channels of the egocentric view
CONFIG = IdentifyConfig(
    target_contexts=800,
    held_out_contexts=300,
    track_contexts=300,
    track_checks=2,
    null_contexts=200,
    max_shards=3,
    view_contexts=300,
    random_directions=6,
    draws=100,
    update_events=24,
)
STEPS = np.array([[-1, 0], [0, 1], [1, 0], [0, -1]])  # north, east, south, west


def network_of(env: Env) -> Network:
    """A network with one hidden layer, three units for every action."""
    return Network(num_actions=env.num_actions, kind="egocentric", widths=(12,), channels=1)


def _towards(env: Env) -> np.ndarray:
    """float[rows, columns, actions]: how far each offset lies in the direction of each action."""
    rows = np.arange(2 * env.height - 1) - (env.height - 1)
    columns = np.arange(2 * env.width - 1) - (env.width - 1)
    offset = np.stack(np.meshgrid(rows, columns, indexing="ij"), -1)
    length = np.maximum(np.abs(offset).sum(-1, keepdims=True), 1)
    return np.maximum((offset / length) @ STEPS.T, 0.0)


def parameters_of(env: Env, cheese: float, corner: float) -> Any:
    """Parameters in which units 0-3 see the cheese within 2 cells, 4-7 the corner, 8-11 walls."""
    towards = _towards(env)
    size = np.abs(np.indices(towards.shape[:2]) - np.array(towards.shape[:2])[:, None, None] // 2)
    kernel = np.zeros((*towards.shape[:2], 4, 12), np.float32)
    kernel[:, :, CHEESE, 0:4] = towards * (size.sum(0) <= 2)[..., None]
    kernel[:, :, CORNER, 4:8] = towards
    middle = np.array(towards.shape[:2]) // 2
    for action, step in enumerate(STEPS):
        kernel[middle[0] + step[0], middle[1] + step[1], WALLS, 8 + action] = 1.0
    head = np.concatenate([cheese * np.eye(4), corner * np.eye(4), -4.0 * np.eye(4)])
    layers = {
        "dense_1": {"kernel": kernel.reshape(-1, 12), "bias": np.zeros(12)},
        "actor": {"kernel": head, "bias": np.zeros(4)},
        "critic": {"kernel": np.zeros((12, 1)), "bias": np.zeros(1)},
    }
    return {"params": jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), layers)}


def stacked(parameters: list[Any]) -> Any:
    """Parameters of several agents on a leading axis."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *parameters)


def untrained(env: Env, count: int) -> Any:
    """Freshly initialised parameters of several agents."""
    network = network_of(env)
    blank = jnp.zeros((1, *env.observation_shape), jnp.float32)
    return jax.vmap(lambda key: network.init(key, blank))(
        jax.random.split(jax.random.key(0), count)
    )


def influence(policy: Callable[..., Any], battery: Battery) -> Influence:
    """Influence [C, O] on one policy."""
    agents = agents_of(policy, battery, seed=0)

    def logits(states, observations) -> np.ndarray:
        return agents.respond(states, observations).logits[0]

    return influence_of(logits, battery, edit(battery), mirror=agents.sees_mirrored)
