"""What the endorsement replicator says that reflection will do, before it is done in the weights.

The network's policy is taken as it is, and the shards' logits on top of it are scaled:
    π_w(a|s) ∝ π(a|s) exp(Σ_k (w_k − 1) c_k(s, a)),   c_k = g_k Σ_o θ_ko A_o,
so that w = 1 is the network. Endorsements are exact at every step.
Axis letters: B contexts · S states · A actions · K shards · O concepts · G goals · T steps.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shardsim.reflection import values
from shardsim.reflection.config import ReflectConfig
from shardsim.reflection.models.replicator import Path, fitness, replicate
from shardsim.reflection.onsets import activated
from shardsim.reflection.world import World


class Forecast(NamedTuple):
    """The replicator from one onset of one agent."""

    path: Path
    policies: np.ndarray  # float64[T + 1, B, S, A]


def rescaled(policy: np.ndarray, pulls: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return π_w float64[B, S, A] of π float[B, S, A] and logits float[B, S, A, K]."""
    logits = np.log(np.maximum(np.asarray(policy, np.float64), 1e-30)) + pulls @ (weights - 1.0)
    raised = np.exp(logits - logits.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def forecast(
    world: World,
    policy: np.ndarray,
    pulls: np.ndarray,
    preferences: np.ndarray,
    config: ReflectConfig,
) -> Forecast:
    """Run the replicator from the onset `world` [B].

    Args:
        world: numpy arrays; its weights are those of the onset.
        policy: float[B, S, A], of the network.
        pulls: float[B, S, A, K], the logits that each shard adds.
        preferences: float[K, O].
        config: rate, steps, judges and discount.
    """
    rows, start = np.arange(len(world.start)), np.asarray(world.start)
    share = np.asarray(world.weight, np.float64)
    here = pulls[rows, start]

    def judges_of(weights: np.ndarray) -> np.ndarray:
        acting = rescaled(policy[rows, start], here, weights)
        return activated(here * weights, acting)[0]

    def fitness_of(weights: np.ndarray, judges: np.ndarray) -> np.ndarray:
        acting = rescaled(policy, pulls, weights)
        matrix = values.endorsement(world, acting, pulls * weights, preferences, config.discount)
        return share @ fitness(judges, matrix)

    path = replicate(
        np.ones(len(preferences)),
        fitness_of,
        judges_of,
        rate=config.rate,
        steps=config.steps,
        judges=config.judges,
    )
    policies = np.stack([rescaled(policy, pulls, weights) for weights in path.weights])
    return Forecast(path, policies)
