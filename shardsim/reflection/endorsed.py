"""Who endorses whom at an onset: what each shard gains as each grows, beside chance.

Axis letters: D agents · U onsets · B contexts · S states · A actions · J, K shards · O concepts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shardsim.reflection.menu import Self, self_of
from shardsim.reflection.setting import Setting
from shardsim.reflection.values import endorsement

DRAWS = 16


def endorsed(agent: Self, discount: float, seed: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return E float64[J, K] = dJ_j / d log w_k over the onset, and how large it is by chance.

    By chance: the root mean square over 16 draws in which the logits that a shard adds are as large
    as they are and favour actions at random (`shuffled`).

    Args:
        agent: with policy, pulls and preferences.
        discount: of J, for each move.
        seed: whole numbers that the draws follow from.
    """
    rng = np.random.default_rng(seed)
    drawn = [shuffled(agent.pulls, rng) for _ in range(DRAWS)]
    every = np.concatenate([agent.pulls, *drawn], -1)
    world, wants = agent.world, agent.preferences
    found = endorsement(world, agent.policy, every, wants, discount)
    mean = np.einsum("b,bjk->jk", np.asarray(world.weight, np.float64), found)
    real, *chance = np.split(mean, DRAWS + 1, axis=1)
    return real, np.sqrt(np.mean(np.square(chance), axis=0))


def at_onsets(setting: Setting, discount: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return E, and its size by chance, of all agents at their onsets: float64[D, U, J, K] each."""
    places = setting.weight.shape[:2]
    names = [""] * len(setting.preferences)
    found = [
        endorsed(self_of(setting, names, *place), discount, [seed, *place])
        for place in np.ndindex(*places)
    ]
    real, chance = (np.stack(part) for part in zip(*found, strict=True))
    return real.reshape(*places, *real.shape[1:]), chance.reshape(*places, *chance.shape[1:])


def shuffled(pulls: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return float[B, S, A, K] with the actions of every shard permuted at random in each state."""
    order = np.argsort(rng.random(pulls.shape), axis=2)
    return np.take_along_axis(pulls, order, axis=2)
